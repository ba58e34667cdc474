// Custom elements that show channels in anyone's page; docs/widgets.md says how to use each.

import { define } from "./widgets/element.js";
import { StreamChart } from "./widgets/chart.js";
import { StreamNews } from "./widgets/news.js";
import { StreamStatus } from "./widgets/status.js";
import { StreamTable } from "./widgets/table.js";
import { StreamTicker } from "./widgets/ticker.js";
import { StreamWatchlist } from "./widgets/watchlist.js";

export { StreamChart, StreamNews, StreamStatus, StreamTable, StreamTicker, StreamWatchlist };

define("stream-chart", StreamChart);
define("stream-news", StreamNews);
define("stream-status", StreamStatus);
define("stream-table", StreamTable);
define("stream-ticker", StreamTicker);
define("stream-watchlist", StreamWatchlist);
