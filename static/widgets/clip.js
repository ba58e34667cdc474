// The clipboard, also of a page that was not loaded securely.

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const give = (event) => {
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    addEventListener("copy", give, { capture: true, once: true });
    document.execCommand("copy");
    removeEventListener("copy", give, { capture: true });
  }
}
