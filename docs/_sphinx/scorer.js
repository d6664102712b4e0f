// The order of search results: pages that explain come before those that list. The other values are Sphinx's.
const bonusOfFolder = {
  start: 8, guides: 8, glossary: 8, lessons: 6, results: 6, extending: 6,
  exercises: -4, contributing: -4, performance: -2, what_is_checked: -4,
};

var Scorer = {
  score: (result) => {
    const [docname, title, anchor, descr, score, filename] = result;
    if (docname.startsWith("reference/api")) return score - 6;
    return score + (bonusOfFolder[docname.split("/")[0]] || 0);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
