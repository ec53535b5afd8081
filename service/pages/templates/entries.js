(function () {
  "use strict";
  var filters = document.querySelector(".filters");
  var search = document.getElementById("find");
  var count = document.getElementById("found");
  var nothing = document.getElementById("nothing");
  var entries = Array.prototype.map.call(document.querySelectorAll(".entry"), function (place) {
    var source = place.closest(".source");
    place.open = false;
    return {
      place: place,
      source: source,
      text: (source.firstElementChild.textContent + " " + place.textContent).toLowerCase().replace(/\s+/g, " "),
      has: function (group) { return place.dataset[group].split(" "); }
    };
  });
  var groups = Array.prototype.map.call(filters.querySelectorAll("fieldset"), function (set) {
    return { name: set.dataset.group, boxes: Array.prototype.slice.call(set.querySelectorAll("input")) };
  });

  function wanted(group) {
    return group.boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
  }

  function find() {
    var words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    var picked = groups.map(function (group) { return { name: group.name, values: wanted(group) }; });
    var shown = 0;
    var left = new Set();
    entries.forEach(function (entry) {
      var fits = words.every(function (word) { return entry.text.indexOf(word) >= 0; }) &&
        picked.every(function (pick) {
          return !pick.values.length || pick.values.some(function (one) { return entry.has(pick.name).indexOf(one) >= 0; });
        });
      entry.place.hidden = !fits;
      if (fits) { shown += 1; left.add(entry.source); }
    });
    document.querySelectorAll(".source").forEach(function (source) { source.hidden = !left.has(source); });
    count.textContent = shown + " / " + entries.length;
    nothing.hidden = shown > 0;
  }

  function open() {
    var place = document.getElementById(location.hash.slice(1).split("/").pop());
    if (place && place.classList.contains("entry")) { place.open = true; place.scrollIntoView(); }
  }

  document.querySelectorAll("a[data-entry]").forEach(function (link) {
    link.addEventListener("click", function (event) {
      event.preventDefault();
      var place = document.getElementById(link.getAttribute("href").slice(1));
      if (place.classList.contains("entry")) place.open = true;
      place.scrollIntoView();
    });
  });
  search.addEventListener("input", find);
  filters.addEventListener("change", find);
  window.addEventListener("hashchange", open);
  filters.classList.add("on");
  find();
  open();
})();
