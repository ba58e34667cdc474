// Custom elements that show channels in anyone's page; docs/widgets.md says how to use each. A page that
// wants one only may load its file of widgets/ instead.

export { StreamElement } from "./widgets/element.js";
export { StreamChart } from "./widgets/chart.js";
export { StreamNews } from "./widgets/news.js";
export { StreamStatus } from "./widgets/status.js";
export { StreamTable } from "./widgets/table.js";
export { StreamTicker } from "./widgets/ticker.js";
export { StreamWatchlist } from "./widgets/watchlist.js";
