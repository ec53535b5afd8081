(function () {
  "use strict";
  var options = JSON.parse(document.getElementById("options").textContent);
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var drawn = {};

  function draw() {
    Object.keys(options).forEach(function (name) {
      var place = document.getElementById("chart-" + name);
      if (!place) return;
      if (drawn[name]) drawn[name].dispose();
      drawn[name] = echarts.init(place, dark.matches ? "dark" : null, { renderer: "svg" });
      var option = options[name][root.lang];
      option.backgroundColor = "transparent";
      drawn[name].setOption(option);
    });
  }

  function speak(language) {
    root.lang = language;
    try { history.replaceState(null, "", "#" + language); } catch (ignored) { location.hash = language; }
    draw();
  }

  document.getElementById("language").addEventListener("click", function () {
    speak(root.lang === "zh" ? "en" : "zh");
  });
  if (dark.addEventListener) dark.addEventListener("change", draw);
  window.addEventListener("resize", function () {
    Object.keys(drawn).forEach(function (name) { drawn[name].resize(); });
  });

  document.querySelectorAll("table[data-sortable]").forEach(function (table) {
    var search = document.getElementById(table.dataset.search);
    var body = table.tBodies[0];
    if (search) search.addEventListener("input", function () {
      var wanted = search.value.trim().toLowerCase();
      Array.prototype.forEach.call(body.rows, function (row) {
        row.hidden = wanted !== "" && row.textContent.toLowerCase().indexOf(wanted) < 0;
      });
    });
    table.querySelectorAll("th button").forEach(function (button) {
      button.addEventListener("click", function () {
        var column = button.parentElement.cellIndex;
        var rising = button.dataset.rising !== "1";
        button.dataset.rising = rising ? "1" : "0";
        Array.prototype.slice.call(body.rows).sort(function (a, b) {
          var x = a.cells[column].dataset.value || a.cells[column].textContent;
          var y = b.cells[column].dataset.value || b.cells[column].textContent;
          var order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
          return rising ? order : -order;
        }).forEach(function (row) { body.appendChild(row); });
      });
    });
  });

  speak(location.hash === "#en" ? "en" : "zh");
})();
