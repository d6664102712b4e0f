// A field for files: chosen, or dropped on it. They are sent in parts, as servers limit the size of a message.
const PART = 1 << 20;

function problem(files, model) {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (files.length > model.get("max_files"))
    return `${files.length} files; at most ${model.get("max_files")} at once`;
  if (total > model.get("max_bytes"))
    return `${(total / 1e6).toFixed(0)} MB; at most ${model.get("max_bytes") / 1e6} MB at once`;
  return "";
}

async function send(files, model, progress) {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  let sent = 0;
  model.send({ kind: "start", files: files.map(({ name, size }) => ({ name, size })) });
  for (const [index, file] of files.entries())
    for (let start = 0; start < file.size; start += PART) {
      const part = await file.slice(start, start + PART).arrayBuffer();
      model.send({ kind: "part", file: index }, undefined, [part]);
      sent += part.byteLength;
      progress.value = sent / total;
    }
  model.send({ kind: "end" });
}

function render({ model, el }) {
  const zone = document.createElement("label");
  zone.className = "mlcmkd-drop";
  const text = document.createElement("span");
  text.textContent = model.get("text");
  const input = document.createElement("input");
  Object.assign(input, { type: "file", multiple: true, accept: model.get("accept") });
  const progress = document.createElement("progress");
  progress.setAttribute("aria-label", "sending");
  progress.hidden = true;
  const alert = document.createElement("p");
  alert.setAttribute("role", "alert");
  zone.append(text, input, progress);
  el.append(zone, alert);

  const take = async (list) => {
    const files = [...list];
    if (!files.length || input.disabled) return;
    alert.textContent = problem(files, model);
    if (!alert.textContent) {
      input.disabled = true;
      progress.hidden = false;
      try {
        await send(files, model, progress);
      } catch (error) {
        alert.textContent = `The files could not be read: ${error.message}`;
        input.disabled = false;
      }
      progress.hidden = true;
    }
    input.value = ""; // the same file can be chosen again
  };
  const drag = (over) => (event) => {
    event.preventDefault();
    zone.classList.toggle("mlcmkd-over", over);
  };
  input.addEventListener("change", () => take(input.files));
  zone.addEventListener("dragover", drag(true));
  zone.addEventListener("dragleave", drag(false));
  zone.addEventListener("drop", (event) => {
    drag(false)(event);
    take(event.dataTransfer.files);
  });
  const busy = () => (input.disabled = model.get("busy"));
  model.on("change:busy", busy);
  busy();
}

export default { render };
