/* Says to a service's page whether who is signed in has changed (OpenID Connect Session Management 3.2). */
(function () {
  "use strict";

  var cookieName = document.currentScript.getAttribute("data-cookie");
  var WATCHED = /^([^ ]+) ([0-9a-f]{64})\.([A-Za-z0-9_-]+)$/;

  function browserState() {
    var pairs = document.cookie.split("; ");
    for (var i = 0; i < pairs.length; i += 1) {
      if (pairs[i].indexOf(cookieName + "=") === 0) { return pairs[i].slice(cookieName.length + 1); }
    }
    return "";
  }

  function toHexadecimal(buffer) {
    return Array.prototype.map.call(new Uint8Array(buffer), function (byte) {
      return ("0" + byte.toString(16)).slice(-2);
    }).join("");
  }

  window.addEventListener("message", function (event) {
    if (!event.source || !/^https?:/.test(event.origin)) { return; }
    function reply(word) { event.source.postMessage(word, event.origin); }
    var asked = typeof event.data === "string" ? WATCHED.exec(event.data) : null;
    if (!asked) { reply("error"); return; }
    var watched = [asked[1], event.origin, browserState(), asked[3]].join(" ");
    window.crypto.subtle.digest("SHA-256", new TextEncoder().encode(watched)).then(function (digest) {
      reply(toHexadecimal(digest) === asked[2] ? "unchanged" : "changed");
    }, function () { reply("error"); });
  });
})();
