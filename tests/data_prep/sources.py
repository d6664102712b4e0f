"""Small data sets, made by hand the way their owners lay them out: one function a format."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import scipy.io

from mlcmkd.data.thermal.palettes import apply_palette

WIDTH, HEIGHT = 48, 40


def points(count: int, seed: int = 0) -> np.ndarray:
    """(count, 2) points inside the images, multiples of 0.25 px so that text represents them exactly."""
    return np.random.default_rng(seed).integers(8, 150, (count, 2)) / 4


def image(path: Path, seed: int = 0, kind: str = "photo") -> Path:
    """A photo, a grey or an iron frame, or a 16-bit one, of 48 x 40 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    if kind == "photo":
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    elif kind == "grey":
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    elif kind == "iron":
        levels = np.linspace(0, 1, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
        pixels = np.roll(apply_palette(levels, "iron"), seed, axis=0)[..., ::-1]
    else:
        pixels = rng.integers(29500, 31000, (HEIGHT, WIDTH), dtype=np.uint16)
    assert cv2.imwrite(str(path), pixels)
    return path


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def flat(values: np.ndarray, separator: str) -> str:
    return separator.join(f"{value:g}" for value in np.ravel(values))


def ibug_pts(folder: Path) -> None:
    for n in range(2):
        image(folder / f"lfpw/face_{n}.png", n)
        rows = [f"{x:g} {y:g}" for x, y in points(68, n) + 1]
        text(folder / f"lfpw/face_{n}.pts", "version: 1", "n_points: 68", "{", *rows, "}")


def hrnet_csv(folder: Path) -> None:
    header = "image_name,scale,center_w,center_h," + ",".join(
        f"original_{n}_{axis}" for n in range(68) for axis in "xy"
    )
    rows = []
    for n, name in enumerate(("helen/testset/30427236_1.jpg", "ibug/image_99.jpg")):
        image(folder / "images" / name, n)
        rows.append(f"{name},1.5,24,20,{flat(points(68, n) + 1, ',')}")
    image(folder / "images/afw/134212_1.jpg", 2)
    train = f"afw/134212_1.jpg,1.5,24,20,{flat(points(68, 2) + 1, ',')}"
    text(folder / "face_landmarks_300w_train.csv", header, train)
    text(folder / "face_landmarks_300w_valid.csv", header, *rows)
    text(folder / "face_landmarks_300w_valid_common.csv", header, rows[0])
    text(folder / "face_landmarks_300w_valid_challenge.csv", header, rows[1])


def wflw(folder: Path) -> None:
    def line(n: int, flags: str, name: str) -> str:
        return f"{flat(points(98, n), ' ')} 2 3 40 38 {flags} {name}"

    for n, name in enumerate(("a/one.jpg", "b/two faces.jpg")):
        image(folder / "WFLW_images" / name, n)
    lists = folder / "WFLW_annotations"
    text(lists / "list_98pt_rect_attr_train.txt", line(0, "0 0 0 0 0 0", "a/one.jpg"))
    text(
        lists / "list_98pt_rect_attr_test.txt",
        line(1, "1 0 0 0 0 1", "b/two faces.jpg"),
        line(2, "0 0 0 0 1 0", "b/two faces.jpg"),
    )


def matlab73(path: Path, images: str, rows: str, photos: list[np.ndarray], values: np.ndarray):
    """A cell array of photos and a matrix, as Matlab writes them: axes in reverse order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        cells = file.create_dataset(images, (1, len(photos)), dtype=h5py.ref_dtype)
        for n, photo in enumerate(photos):
            cells[0, n] = file.create_dataset(f"#refs#/{images}{n}", data=photo.T).ref
        file.create_dataset(rows, data=values.T)


def cofw_row(n: int, hidden: int) -> np.ndarray:
    flags = np.arange(29) < hidden
    return np.concatenate([*(points(29, n) + 1).T, flags])


def cofw(folder: Path) -> None:
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    grey = rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    rows = np.stack([cofw_row(0, 0), cofw_row(1, 3)])
    matlab73(folder / "COFW_train_color.mat", "IsTr", "phisTr", [colour, grey], rows)
    matlab73(folder / "COFW_test_color.mat", "IsT", "phisT", [colour[::-1]], rows[1:])


def cofw68(folder: Path) -> None:
    cofw(folder)
    hidden = (np.arange(68) < 2).astype(np.uint8)[None]
    scipy.io.savemat(folder / "1_points.mat", {"Points": points(68) + 1, "Occ": hidden})


def face_synthetics(folder: Path) -> None:
    for n in range(2):
        image(folder / f"00000{n}.png", n)
        image(folder / f"00000{n}_seg.png", n, "grey")
        text(folder / f"00000{n}_ldmks.txt", *(f"{x:g} {y:g}" for x, y in points(70, n)))


def t_fake(folder: Path) -> None:
    face_synthetics(folder)
    for condition in ("warm", "cold"):
        image(folder / f"TFAKE_{condition}/000000_thermal.png", len(condition), "raw")
    image(folder / "TFAKE_cold/000001_thermal.png", 7, "raw")


def sf_tl54(folder: Path) -> None:
    for n, (split, name) in enumerate((("train", "111_1_2_1_120_100"), ("test", "112_1_1_3_5_7"))):
        mirrored = points(54, n)
        shapes = [{"label": "face", "points": [[3, 4], [40, 38]]}]
        shapes += [{"label": "x", "points": part.tolist()} for part in np.split(mirrored, [17, 22])]
        for colour, kind in (("gray", "grey"), ("iron", "iron")):
            image(folder / f"dataset/{colour}/{split}/images/{name}_1.png", n, kind)
            text(
                folder / f"dataset/{colour}/{split}/json/{name}_1.json",
                json.dumps({"shapes": shapes}),
            )
        image(folder / f"dataset/rgb/{split}/{name}_3.png", n)


def dlib_face(name: str, marks: dict[str, tuple[float, float]]) -> str:
    parts = "".join(f'<part name="{part}" x="{x:g}" y="{y:g}"/>' for part, (x, y) in marks.items())
    return (
        f'<image file="{name}"><box top="3" left="2" width="38" height="35">{parts}</box></image>'
    )


def sf_tl54_xml(folder: Path) -> None:
    for n, name in enumerate(("111_1_2_1_120_100_1.png", "112_1_1_3_5_7_1.png")):
        image(folder / f"gray/train/images/{name}", n, "grey")
    marks = {f"{n:02d}": tuple(p) for n, p in enumerate(points(54).astype(int))}
    faces = [
        dlib_face("images/111_1_2_1_120_100_1.png", marks),
        dlib_face("images_mirr/111_1_2_1_120_100_1.png", marks),
        dlib_face("images/112_1_1_3_5_7_1.png", marks),
    ]
    text(folder / "gray/train/dlib_landmarks_train.xml", "<images>", *faces, "</images>")


SFTL54_BEGINS = (17, 22, 27, 31, 36, 42, 48, 49, 50, 51, 52, 53)  # of the parts after the first
SFTL54_NAMES = (
    *("chin", "left_eyebrow", "right_eyebrow", "nose_bridge", "nose_tip", "left_eye", "right_eye"),
    *(f"lip_p{n}" for n in range(1, 7)),
)


def sf_tl54_lines(folder: Path) -> None:
    names = [f"gray/train/images/{name}" for name in ("111_1_2_1_120_100_1.png", "112_1_1_1.png")]
    lines = []
    for n, name in enumerate(names):
        image(folder / name, n, "grey")
        parts = [part.tolist() for part in np.split(points(54, n), SFTL54_BEGINS)]
        face = dict(zip(SFTL54_NAMES, parts, strict=True)) | {"face": [[3, 4], [40, 38]]}
        lines.append(json.dumps({"image": name, "height": HEIGHT, "width": WIDTH, **face}))
    text(folder / "labels.jsonl", *lines)


CHARLOTTE_HEADER = ",".join(
    ["ID", *(f"{axis}{n}" for n in range(73) for axis in "xy")]
    + ["Distance", "RH", "Airflow", "env-temp", "Sensation"]
)


def charlotte(folder: Path) -> None:
    rows = [
        f"R11561,{flat(points(73, 0).astype(int), ',')},1,50.8,0,22.25,-1",
        f"R11562,{flat(points(43, 1).astype(int), ',')}{',' * 60},1.8,50.5,0,22.25,",
    ]
    text(folder / "S1.csv", CHARLOTTE_HEADER, *rows)
    text(folder / "S2.csv", CHARLOTTE_HEADER, rows[0])
    for n, name in enumerate(("S1/R11561", "S1/R11562", "S2/R11561")):
        image(folder / f"{name}.tiff", n, "raw")


def tfw(folder: Path) -> None:
    header = "name,xs,ys,xe,ye,p1x,p1y,p2x,p2y,p3x,p3y,p4x,p4y,p5x,p5y"
    image(folder / "train/indoor/103_1_1_4_450_1.png", 0, "iron")
    image(folder / "train/rgb/103_1_1_4_450_3.png", 1)
    image(folder / "test/outdoor/3312.png", 2, "iron")
    row = f"2,3,40,38,{flat(points(5), ',')}"
    text(folder / "train/indoor.csv", header, f"103_1_1_4_450_1.png,{row}")
    text(folder / "test/outdoor.csv", header, f"3312.png,{row}", f"3312.png,{row}")


def coco(path: Path, faces: list[tuple[str, np.ndarray]], **extra) -> None:
    """A COCO file of faces, (name, (K, 3) points with flags)."""
    table = {
        "images": [{"id": n, "file_name": name} for n, (name, _) in enumerate(faces)],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": 1,
                "keypoints": marks.ravel().tolist(),
                "bbox": [2, 3, 38, 35],
            }
            for n, (_, marks) in enumerate(faces)
        ],
        "categories": [{"id": 1, "name": "neutral"}],
        **extra,
    }
    text(path, json.dumps(table))


def flagged(count: int, seed: int = 0, hidden: int = 0) -> np.ndarray:
    flags = np.where(np.arange(count) < hidden, 1, 2)
    return np.column_stack([points(count, seed), flags])


def tfd68(folder: Path) -> None:
    names = ("thermal_1_0_0.jpg", "thermal_12_-30_15.jpg")
    for n, name in enumerate(names):
        image(folder / f"tfd68/{name.split('_')[1]}/{name}", n, "grey")
        image(folder / f"tfd68/{name.split('_')[1]}/{name.replace('thermal', 'visual')}", 10 + n)
    coco(folder / "tfd68.json", [(name, flagged(68, n, n)) for n, name in enumerate(names)])


CARL_PARTS = (
    *("righteye_outer", "righteye_inner", "lefteye_inner", "lefteye_outer"),
    *("mouthcorner_right", "mouthcorner_left"),
)


def carl_eurecom(folder: Path) -> None:
    faces = []
    for n, (name, kind) in enumerate(
        (("001/TH/TH_001_1.bmp", "grey"), ("002/VIS/VIS_002_1.bmp", "photo"))
    ):
        image(folder / name, n, kind)
        faces.append(dlib_face(name, dict(zip(CARL_PARTS, points(6, n), strict=True))))
    text(folder / "faces.xml", "<dataset><images>", *faces, "</images></dataset>")


def yolo(folder: Path, sequence: str, count: int = 54) -> None:
    image(folder / sequence / "images/f1.jpg", len(sequence), "grey")
    marks = np.column_stack([points(count) / (WIDTH, HEIGHT), np.ones(count)])
    text(folder / sequence / "labels/f1.txt", f"0 .5 .5 1 1 {flat(marks, ' ')}")


def thermal_knapik54(folder: Path) -> None:
    yolo(folder, "1_Man_NoGlasses_Normal")
    yolo(folder, "2_Man_Glasses1_Normal")


def yolo_pose(folder: Path) -> None:
    yolo(folder, "anna", 68)


def own_folder(folder: Path) -> None:
    for n in range(3):
        image(folder / f"thermal/anna/{n}.tif", n, "raw")
        image(folder / f"rgb/anna/{n}.jpg", 10 + n)
    header = "image," + ",".join(f"{axis}{n}" for n in range(68) for axis in "xy")
    text(
        folder / "landmarks.csv",
        header,
        *(f"thermal/anna/{n}.tif,{flat(points(68, n) + 1, ',')}" for n in range(2)),
    )
    text(
        folder / "dataset.yaml",
        *("scheme: ibug68", "side: thermal", "first_pixel: 1", "unlabelled: true", "labels: hand"),
        "radiometry: {kind: centikelvin, low: 18, high: 40}",
        "twin: {find: '^thermal/(.*)[.]tif$', replace: 'rgb/\\1.jpg'}",
        "subject: '^thermal/([^/]+)'",
    )


def folder_coco(folder: Path) -> None:
    names = ("anna/0.png", "ben/1.png")
    for n, name in enumerate(names):
        image(folder / name, n)
    coco(
        folder / "faces.json",
        [(name, flagged(68, n, n)) for n, name in enumerate(names)],
        images=[
            {"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT}
            for n, name in enumerate(names)
        ],
        categories=[{"id": 1, "name": "face", "keypoints": [f"p{n}" for n in range(1, 69)]}],
    )


def folder_labelme(folder: Path) -> None:
    for n in range(2):
        image(folder / f"anna/{n}.png", n)
        shapes = [
            {"label": str(label), "points": [point.tolist()], "shape_type": "point"}
            for label, point in enumerate(points(68, n))
        ]
        size = {"imageWidth": WIDTH, "imageHeight": HEIGHT}
        table = {"shapes": shapes, "imagePath": f"{n}.png", **size}
        text(folder / f"anna/{n}.json", json.dumps(table))


def folder_dlib(folder: Path) -> None:
    faces = []
    for n, name in enumerate(("anna/0.png", "ben/1.png")):
        image(folder / name, n)
        face = dlib_face(name, {f"{k:02d}": tuple(point) for k, point in enumerate(points(68, n))})
        faces.append(face.replace("<image", f'<image width="{WIDTH}" height="{HEIGHT}"', 1))
    text(folder / "faces.xml", "<dataset><images>", *faces, "</images></dataset>")


def folder_pts(folder: Path) -> None:
    for n in range(2):
        image(folder / f"anna/{n}.png", n)
        rows = [f"{x:g} {y:g}" for x, y in points(68, n)[1:] + 1]
        text(folder / f"anna/{n}.pts", "n_points: 68", "{", "nan nan", *rows, "}")


# By the name of the format that reads it.
SOURCES: dict[str, Callable[[Path], None]] = {
    "ibug_pts": ibug_pts,
    "hrnet_csv": hrnet_csv,
    "wflw": wflw,
    "cofw": cofw,
    "cofw68": cofw68,
    "face_synthetics": face_synthetics,
    "sf_tl54": sf_tl54,
    "charlotte": charlotte,
    "charlotte_profiles": charlotte,
    "tfw": tfw,
    "tfd68": tfd68,
    "t_fake": t_fake,
    "carl_eurecom": carl_eurecom,
    "thermal_knapik54": thermal_knapik54,
    "yolo_pose": yolo_pose,
    "folder": own_folder,
}

# Other files that these formats read, by a name of their own: the format, and the source.
MORE_SOURCES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "sf_tl54 XML": ("sf_tl54", sf_tl54_xml),
    "folder COCO": ("folder", folder_coco),
    "folder labelme": ("folder", folder_labelme),
    "folder dlib": ("folder", folder_dlib),
    "folder pts": ("folder", folder_pts),
}
