"""nginx with Nchan, by a configuration of its own: one process, memory only, nothing logged."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.place import Unavailable

MODULES = (
    Path("/usr/lib/nginx/modules/ngx_nchan_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_nchan_module.so"),
    Path("/usr/share/nginx/modules/ngx_nchan_module.so"),
)
CONFIG = """
load_module {module};
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections {connections}; use epoll; multi_accept on; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 300s;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 1m;
    client_max_body_size 8m;
    large_client_header_buffers 4 64k;
    nchan_shared_memory_size 256m;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /ready {{ return 200 "ready"; }}
        location ~ ^/(?:ws|sse)/(?<names>.+)$ {{
            nchan_subscriber websocket eventsource;
            nchan_channel_id $names;
            nchan_channel_id_split_delimiter ",";
            nchan_subscriber_first_message newest;
            nchan_subscriber_timeout 0;
            nchan_websocket_ping_interval 0;
        }}
        location ~ ^/publish/(?<name>.+)$ {{
            nchan_publisher;
            nchan_channel_id $name;
            nchan_message_buffer_length {buffer};
            nchan_message_timeout 30s;
        }}
    }}
}}
"""
BUFFER = 300
"""Messages Nchan keeps for those who are behind: a burst of 200 must not be lost on the way."""


# Among the last sixteenth of its connections nginx drops those whose request is still to come, so
# it gets more of them than there are files.


def command(folder: Path, port: int, files: int) -> list[str]:
    """How to start it.

    Raises:
        Unavailable: nginx or the module is not installed.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    module = next((path for path in MODULES if path.exists()), None)
    if program is None or module is None:
        raise Unavailable("nginx with libnginx-mod-nchan is not installed")
    folder.mkdir()
    file = folder / "nginx.conf"
    file.write_text(
        CONFIG.format(
            module=module,
            folder=folder,
            port=port,
            files=files,
            buffer=BUFFER,
            connections=files * 3 // 2,
        ),
        encoding="utf-8",
    )
    return [program, "-p", str(folder), "-c", str(file), "-e", "stderr"]
