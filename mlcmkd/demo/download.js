// A button that saves bytes of the kernel as a file.
function render({ model, el }) {
  const button = document.createElement("button");
  button.className = "mlcmkd-button jupyter-button widget-button";
  button.type = "button";
  const update = () => {
    button.textContent = model.get("label");
    button.disabled = !model.get("label");
    button.hidden = button.disabled;
  };
  button.addEventListener("click", () => model.send({ kind: "get" }));
  model.on("msg:custom", (message, buffers) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([buffers[0]], { type: "application/zip" }));
    link.download = message.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
  model.on("change:label", update);
  update();
  el.append(button);
}

export default { render };
