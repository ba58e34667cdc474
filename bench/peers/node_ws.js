"use strict";
// ws on Node's HTTP server: a set of sockets for each channel, and a loop of `send`.
// Finds its package by NODE_PATH, or where install.py puts it by default.

const http = require("node:http");
const os = require("node:os");
const path = require("node:path");

module.paths.push(path.join(os.homedir(), ".cache/stream-bench/node_modules"));
const { WebSocket, WebSocketServer } = require("ws");

const IDLE_MS = 300_000;
const port = Number(process.argv[2]);
const channels = new Map();

function publish(request, response, name) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    for (const socket of channels.get(name) ?? []) {
      if (socket.readyState === WebSocket.OPEN) {
        socket.send(body, { binary: false });
      }
    }
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

const sockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
sockets.on("connection", (socket, request) => {
  const names = decodeURIComponent(request.url.slice("/ws/".length)).split(",");
  for (const name of names) {
    if (!channels.has(name)) {
      channels.set(name, new Set());
    }
    channels.get(name).add(socket);
  }
  socket.on("error", () => socket.terminate());
  socket.on("close", () => {
    for (const name of names) {
      channels.get(name).delete(socket);
    }
  });
});

server.listen({ port, host: "127.0.0.1", backlog: 4096 });
