// Names for screen readers, which ipywidgets has no field for: of the handles of sliders, and of the picture.
function nameAll(root, picture) {
  for (const slider of root.querySelectorAll(".widget-slider")) {
    const label = slider.querySelector(".widget-label")?.textContent.trim() ?? "";
    const handles = slider.querySelectorAll(".noUi-handle");
    handles.forEach((handle, index) => {
      const end = handles.length > 1 ? [", from", ", to"][index] : "";
      handle.setAttribute("aria-label", label + end);
    });
  }
  for (const image of root.querySelectorAll("img.widget-image")) image.alt = picture;
}

function render({ model }) {
  const update = () => {
    for (const root of document.querySelectorAll(".mlcmkd-explorer")) nameAll(root, model.get("picture"));
  };
  // Widgets are drawn one by one, and a slider draws its handles later than itself.
  const observer = new MutationObserver(update);
  observer.observe(document.body, { childList: true, subtree: true });
  model.on("change:picture", update);
  update();
  return () => observer.disconnect();
}

export default { render };
