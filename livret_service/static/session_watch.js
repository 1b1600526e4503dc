/* Session Management 3.1: ask the provider's frame now and then whether the session there is still the same. */
(function () {
  "use strict";

  var said = document.body.dataset;
  var frame = document.getElementById("provider");
  var timer;

  /* A browser that blocks other sites' cookies would say "changed" for ever: one check a minute, then silence. */
  function mayCheck() {
    var last = 0;
    try {
      last = Number(sessionStorage.getItem("session-checked-at")) || 0;
      sessionStorage.setItem("session-checked-at", String(Date.now()));
    } catch (error) { return false; }
    return Date.now() - last > 60000;
  }

  function ask() { frame.contentWindow.postMessage(said.message, said.origin); }

  window.addEventListener("message", function (event) {
    if (event.origin !== said.origin || event.source !== frame.contentWindow) { return; }
    if (event.data === "unchanged") { return; }
    clearInterval(timer);
    if (event.data === "changed" && mayCheck()) {
      var page = window.parent.location;
      page.assign(said.check + "&target_link_uri=" + encodeURIComponent(page.pathname + page.search));
    }
  });

  frame.addEventListener("load", function () {
    ask();
    timer = setInterval(ask, Number(said.seconds) * 1000);
  });
  /* Only now: a frame that loads before anybody listens would never be asked. */
  frame.src = frame.dataset.src;
})();
