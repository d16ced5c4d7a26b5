"use strict";
// Each page in a frame of this page is told whether that is light or dark, which it cannot see; and what stands there
// for where no scripts run is taken away.
for (const note of document.querySelectorAll(".microgrannd-page > p")) {
  const frame = note.previousElementSibling, light = document.body.matches($light);
  note.remove();
  if (!light && !document.body.matches($dark)) continue;
  const told = frame.cloneNode(); // a frame of its own: the first may be loading
  told.srcdoc = frame.srcdoc.replace("<body", `<body data-jp-theme-light="${light}"`);
  frame.replaceWith(told);
}
