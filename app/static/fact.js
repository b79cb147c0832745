/* Comfort for the fact page; the server does all of it too. ES2015, for the web views of 2019. */
(function () {
  "use strict";
  var form = document.getElementById("fact");
  var echo = document.getElementById("echo");
  var boxes = { y: form.elements.y, m: form.elements.m, d: form.elements.d };
  var sent = false;

  /* Full-width digits become ASCII; what is no digit goes. */
  function digits(text) {
    return text.normalize("NFKC").replace(/\D/g, "");
  }

  function say() {
    var months = echo.dataset.months.split(" ");
    var y = digits(boxes.y.value), m = Number(digits(boxes.m.value)), d = Number(digits(boxes.d.value));
    var typed = m || d || (boxes.y.tagName === "INPUT" && y);
    var words = { y: y || "__", m: months[m - 1] || "__", d: d || "__" };
    var bold = document.createElement("b");
    bold.textContent = echo.dataset.date.replace(/\{(.)\}/g, function (_, key) { return words[key]; });
    echo.textContent = typed ? echo.dataset.label : "";
    if (typed) { echo.appendChild(bold); }
  }

  function spread(text) {
    var parts = text.normalize("NFKC").match(/^\s*(\d{4})(?:\D+(\d{1,2})\D+(\d{1,2})|(\d\d)(\d\d))\D*$/);
    if (!parts) { return false; }
    boxes.y.value = parts[1];
    boxes.m.value = parts[2] || parts[4];
    boxes.d.value = parts[3] || parts[5];
    boxes.d.focus();
    say();
    return true;
  }

  function typed(event) {
    if (event.isComposing) { return; }
    var clean = digits(event.target.value);
    if (event.target === boxes.y && spread(event.target.value)) { return; }
    if (clean !== event.target.value) { event.target.value = clean; }
    /* Onward only after a full year, and only where the month is the next box. Never back. */
    if (event.target === boxes.y && clean.length === 4 && event.inputType === "insertText" && yearIsFirst()) {
      boxes.m.focus();
    }
    say();
  }

  function yearIsFirst() {
    return boxes.y.compareDocumentPosition(boxes.m) & Node.DOCUMENT_POSITION_FOLLOWING;
  }

  function pasted(event) {
    if (spread((event.clipboardData || window.clipboardData).getData("text"))) { event.preventDefault(); }
  }

  /* A second press of the button would spend a second try; an offline press spends none. */
  form.addEventListener("submit", function (event) {
    var offline = navigator.onLine === false;
    document.getElementById("offline").hidden = !offline;
    if (offline || sent) { event.preventDefault(); } else { sent = true; }
  });
  /* Another language or another way of entering keeps what stands in the boxes. */
  document.addEventListener("submit", function (event) {
    var fields = event.target.elements;
    Object.keys(boxes).forEach(function (key) {
      if (event.target !== form && boxes[key] && fields[key]) { fields[key].value = boxes[key].value; }
    });
  });
  /* A reload would send the form, and spend a try, once more: from here on it asks for the page alone. */
  history.replaceState(null, "", location.href);
  window.addEventListener("pageshow", function () { sent = false; });

  if (echo) {
    Object.keys(boxes).forEach(function (key) {
      boxes[key].addEventListener(boxes[key].tagName === "INPUT" ? "input" : "change", boxes[key].tagName === "INPUT" ? typed : say);
      boxes[key].addEventListener("compositionend", typed);
      boxes[key].addEventListener("paste", pasted);
    });
    say();
  }
}());
