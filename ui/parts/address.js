// What a page shows, in the part of the address behind #, so that it can be kept and sent.
export function remember(page, asked) {
  const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== "" && value !== undefined && value !== null));
  history.replaceState(null, "", `#/${page}?${query}`);
}
