// Marks the words of the last search on the page that was found. Sphinx does so only where its search script is
// not loaded, and the theme loads it on every page. Escape removes the marks.
document.addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector(".bd-article");
  if (!article || document.querySelector("#search-results")) return;
  const terms = localStorage.getItem("sphinx_highlight_terms") || "";
  localStorage.removeItem("sphinx_highlight_terms");
  terms.split(/\s+/).filter(Boolean).forEach((term) => _highlightText(article, term, "highlighted"));
  const first = article.querySelector(".highlighted");
  if (first && !location.hash) first.scrollIntoView({ block: "center" });
});
