const open = () => { const at = document.getElementById(decodeURIComponent(location.hash.slice(1))); if (at && at.tagName === "DETAILS") { at.open = true; at.scrollIntoView(); } };
addEventListener("hashchange", open); open();
document.getElementById("filter").addEventListener("input", event => {
  const want = event.target.value.toLowerCase();
  for (const item of document.querySelectorAll(".op, nav .entry")) item.hidden = !item.textContent.toLowerCase().includes(want);
});
