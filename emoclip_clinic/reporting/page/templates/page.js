(function () {
  "use strict";
  function value(row, place) {
    var cell = row.cells[place];
    var key = cell.getAttribute("data-sort");
    if (key !== null) { return { number: Number(key), text: "" }; }
    var text = cell.textContent.trim();
    return { number: NaN, text: text === "n/a" ? "" : text };
  }
  function compare(a, b) {
    var left = isNaN(a.number), right = isNaN(b.number);
    if (!left && !right) { return a.number - b.number; }
    if (left !== right) { return left ? 1 : -1; }
    return a.text.localeCompare(b.text, undefined, { numeric: true });
  }
  function sort(table, head, place) {
    var up = head.getAttribute("aria-sort") !== "ascending";
    var body = table.tBodies[0];
    var rows = Array.from(body.rows).map(function (row) { return { row: row, value: value(row, place) }; });
    var isThere = function (one) { return !isNaN(one.value.number) || one.value.text !== ""; };
    var there = rows.filter(isThere), missing = rows.filter(function (one) { return !isThere(one); });
    there.sort(function (a, b) { return (up ? 1 : -1) * compare(a.value, b.value); });
    there.concat(missing).forEach(function (one) { body.appendChild(one.row); });
    Array.from(table.tHead.rows[0].cells).forEach(function (cell) { cell.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  }
  document.querySelectorAll("table[data-sortable]").forEach(function (table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (head, place) {
      var button = document.createElement("button");
      var plain = document.createElement("span");
      button.type = "button";
      button.textContent = plain.textContent = head.textContent;
      plain.className = "plain";
      head.textContent = "";
      head.appendChild(button);
      head.appendChild(plain);
      button.addEventListener("click", function () { sort(table, head, place); });
    });
  });
  var parts = document.querySelectorAll("details");
  var nav = document.querySelector("nav");
  if (nav && parts.length) {
    var tools = document.createElement("p");
    tools.className = "tools";
    [["Open all parts", true], ["Fold all parts", false]].forEach(function (tool) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = tool[0];
      button.addEventListener("click", function () {
        parts.forEach(function (part) { part.open = tool[1]; });
      });
      tools.appendChild(button);
    });
    nav.appendChild(tools);
  }
}());
