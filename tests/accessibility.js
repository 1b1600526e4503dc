/* Puts the focus on the first control and notes where Tab leads; tells how many controls there are. */
() => {
  const isReachable = (element) =>
    element.tabIndex >= 0 && !element.disabled && element.checkVisibility({ visibilityProperty: true });
  /* Tab enters a group of radio buttons once: at the checked one, else at the first. */
  const isEntered = (element) => {
    if (element.type !== "radio") { return true; }
    const group = [...document.getElementsByName(element.name)].filter((other) => other.form === element.form);
    return element === (group.find((other) => other.checked) || group[0]);
  };
  const controls = [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable]",
  )].filter((element) => isReachable(element) && isEntered(element));
  /* A card's link fills its card by a pseudo-element, which then wears the outline. */
  const isMarked = (element) => [null, "::after"].some((part) => {
    const style = getComputedStyle(element, part);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  });
  const told = (element) => (element ? element.outerHTML.slice(0, 120) : "nothing");
  const reached = [];
  const note = (event) => reached.push([event.target, isMarked(event.target)]);

  if (document.activeElement) { document.activeElement.blur(); }
  document.addEventListener("focusin", note);
  if (controls.length) { controls[0].focus(); }
  window.keyboardFaults = () => {
    document.removeEventListener("focusin", note);
    const away = controls.findIndex((control, place) => !reached[place] || reached[place][0] !== control);
    const unmarked = reached.filter(([, isSeen]) => !isSeen).map(([element]) => `focus not seen: ${told(element)}`);
    if (away === -1) { return unmarked; }
    return [`Tab reaches ${told((reached[away] || [])[0])} instead of ${told(controls[away])}`, ...unmarked];
  };
  return controls.length;
}
