"use strict";
// socket.io on Node's HTTP server: a room for each channel, and `emit` to the room.
// The contract is that of python_socketio.py. Finds its package by NODE_PATH, or where install.py
// puts it by default.

const http = require("node:http");
const os = require("node:os");
const path = require("node:path");

module.paths.push(path.join(os.homedir(), ".cache/stream-bench/node_modules"));
const { Server } = require("socket.io");

const IDLE_MS = 300_000;
const port = Number(process.argv[2]);

function publish(request, response, name) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    io.to(name).emit("m", Buffer.concat(chunks).toString());
    response.writeHead(204).end();
  });
}

const server = http.createServer((request, response) => {
  if (request.method === "POST" && request.url.startsWith("/publish/")) {
    publish(request, response, decodeURIComponent(request.url.slice("/publish/".length)));
  } else if (request.method === "GET" && request.url === "/ready") {
    response.end("ready");
  } else {
    response.writeHead(404).end();
  }
});
server.keepAliveTimeout = IDLE_MS;

const io = new Server(server, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  pingInterval: IDLE_MS,
  pingTimeout: IDLE_MS,
});
io.on("connection", (socket) => {
  socket.join(socket.handshake.query.channel.split(","));
  socket.conn.request = null; // as its docs advise: the first request is not kept
});

server.listen({ port, host: "127.0.0.1", backlog: 4096 });
