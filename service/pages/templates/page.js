(function () {
  "use strict";
  var options = JSON.parse(document.getElementById("options").textContent);
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var drawn = {};
  var language = "zh";
  var section = "";

  var named = {
    "=percent": function (share) { return Math.round(share * 100) + "%"; },
    "=plain": function (value) { return String(Number(value.toPrecision(6))); },
    "=count": function (bar) { return bar.value ? bar.value.toLocaleString("en-US") : ""; },
    "=cell": function (cell) { return (cell.value[2] * 100).toFixed(cell.value[2] === 1 ? 0 : 1) + "%"; },
    "=share": function (cell) { return Math.round(cell.value[2] * 100) + "%"; },
    "=interval": function (params, api) {
      var low = api.coord([api.value(0), api.value(1)]);
      var high = api.coord([api.value(0), api.value(2)]);
      var style = { stroke: api.visual("color"), lineWidth: 1.5, fill: "none" };
      function line(x1, y1, x2, y2) {
        return { type: "line", shape: { x1: x1, y1: y1, x2: x2, y2: y2 }, style: style };
      }
      return { type: "group", children: [
        line(low[0], low[1], high[0], high[1]),
        line(low[0] - 4, low[1], low[0] + 4, low[1]),
        line(high[0] - 4, high[1], high[0] + 4, high[1])
      ] };
    },
    "=step": function (params, api) {
      var from = api.coord([api.value(0), api.value(2)]);
      var to = api.coord([api.value(1), api.value(2)]);
      var height = Math.min(22, api.size([0, 1])[1] * 0.66);
      var points = api.value(3);
      var left = Math.min(from[0], to[0]), right = Math.max(from[0], to[0]);
      return { type: "group", children: [
        { type: "rect",
          shape: { x: left, y: from[1] - height / 2, width: Math.max(right - left, 1.5), height: height, r: 2 },
          style: { fill: api.visual("color") } },
        { type: "text",
          style: { text: (points < 0 ? "\u2212" : "+") + Math.abs(points).toFixed(1), x: right + 6, y: from[1],
            textVerticalAlign: "middle", fill: colour("--ink"), font: "12px " + family() } }
      ] };
    }
  };

  function colour(name) { return getComputedStyle(root).getPropertyValue(name).trim(); }
  function family() { return getComputedStyle(document.body).fontFamily; }

  function filled(value) {
    if (typeof value === "string") {
      if (value.slice(0, 2) === "--") return colour(value);
      return Object.prototype.hasOwnProperty.call(named, value) ? named[value] : value;
    }
    if (Array.isArray(value)) return value.map(filled);
    if (value === null || typeof value !== "object") return value;
    var made = {};
    Object.keys(value).forEach(function (key) { made[key] = filled(value[key]); });
    return made;
  }

  function draw() {
    Object.keys(options).forEach(function (name) {
      var place = document.getElementById("chart-" + name);
      if (!place) return;
      if (drawn[name]) drawn[name].dispose();
      drawn[name] = echarts.init(place, null, { renderer: "svg" });
      var option = filled(options[name][language]);
      var base = option.baseOption || option;
      base.textStyle = { color: colour("--soft"), fontFamily: family() };
      drawn[name].setOption(option);
      place.querySelectorAll("svg").forEach(function (svg) {
        svg.setAttribute("aria-hidden", "true");
        if (root.classList.contains("printing")) {
          svg.setAttribute("viewBox", "0 0 " + place.clientWidth + " " + place.clientHeight);
        }
      });
    });
  }

  function resize() { Object.keys(drawn).forEach(function (name) { drawn[name].resize(); }); }

  function remember() {
    var place = "#" + language + (section ? "/" + section : "");
    try { history.replaceState(null, "", place); } catch (ignored) { location.hash = place; }
  }

  function speak(wanted) {
    language = wanted;
    root.lang = wanted;
    var title = document.querySelector("title");
    document.title = title.dataset[wanted];
    remember();
    draw();
  }

  function go(to, focus) {
    var place = document.getElementById(to);
    if (!place) return;
    section = to;
    remember();
    place.scrollIntoView();
    if (focus) { place.tabIndex = -1; place.focus({ preventScroll: true }); }
  }

  function follow() {
    var parts = location.hash.slice(1).split("/");
    if (parts[0] === "zh" || parts[0] === "en") {
      if (parts[0] !== language) speak(parts[0]);
      if (parts[1]) go(parts[1], false);
    }
  }

  document.getElementById("language").addEventListener("click", function () { speak(language === "zh" ? "en" : "zh"); });
  document.querySelectorAll(".top nav a, .skip").forEach(function (link) {
    link.addEventListener("click", function (event) {
      event.preventDefault();
      go(link.getAttribute("href").slice(1), true);
    });
  });
  window.addEventListener("hashchange", follow);
  window.addEventListener("resize", resize);
  if (dark.addEventListener) dark.addEventListener("change", draw);

  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.filter.call(document.querySelectorAll("details"), function (one) { return !one.open; });
    opened.forEach(function (one) { one.open = true; });
    root.classList.add("printing");
    draw();
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (one) { one.open = false; });
    root.classList.remove("printing");
    draw();
  });

  document.querySelectorAll("[data-copies]").forEach(function (button) {
    button.addEventListener("click", function () {
      var range = document.createRange();
      range.selectNodeContents(document.getElementById(button.dataset.copies));
      var selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      button.classList.toggle("done", document.execCommand("copy"));
    });
  });

  document.querySelectorAll("table[data-sortable]").forEach(function (table) {
    var search = document.getElementById(table.dataset.search);
    var count = document.getElementById(table.dataset.count);
    var body = table.tBodies[0];

    function find() {
      var wanted = search.value.trim().toLowerCase();
      var shown = 0;
      Array.prototype.forEach.call(body.rows, function (row) {
        row.hidden = wanted !== "" && row.textContent.toLowerCase().indexOf(wanted) < 0;
        if (!row.hidden) shown += 1;
      });
      count.textContent = shown + " / " + body.rows.length;
    }
    search.addEventListener("input", find);
    find();

    table.querySelectorAll("th button").forEach(function (button) {
      var head = button.parentElement;
      button.addEventListener("click", function () {
        var rising = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("th[aria-sort]").forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        Array.prototype.slice.call(body.rows).sort(function (a, b) {
          var x = value(a.cells[head.cellIndex]), y = value(b.cells[head.cellIndex]);
          var order = isNaN(x) || isNaN(y) ? x.localeCompare(y, "en", { numeric: true }) : x - y;
          return rising ? order : -order;
        }).forEach(function (row) { body.appendChild(row); });
      });
    });
    function value(cell) { return cell.dataset.value || cell.textContent.trim(); }
  });

  var asked = location.hash.slice(1).split("/");
  speak(asked[0] === "en" || asked[0] === "zh" ? asked[0] : root.lang === "en" ? "en" : "zh");
  if (asked[1]) go(asked[1], false);
  else if (asked[0] && asked[0] !== "en" && asked[0] !== "zh") go(asked[0], false);
})();
