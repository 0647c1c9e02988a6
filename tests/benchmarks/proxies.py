"""nginx and HAProxy in front of the plugin's HTTP form, one worker each, nothing logged."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_NGINX = """\
daemon off;
worker_processes 1;
{user}
pid {directory}/nginx.pid;
error_log /dev/null;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_max_body_size 0;
  client_body_temp_path {directory}/nginx-body;
  proxy_temp_path {directory}/nginx-proxy;
  fastcgi_temp_path {directory}/nginx-fastcgi;
  uwsgi_temp_path {directory}/nginx-uwsgi;
  scgi_temp_path {directory}/nginx-scgi;
  types {{ text/javascript js; application/json json; }}
  upstream plugin {{ server unix:{socket}; keepalive 64; keepalive_requests 1000000; }}
  map $http_upgrade $up {{ default upgrade; "" ""; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location /pages/ {{ alias {pages}/; }}
    location / {{
      proxy_pass http://plugin;
      proxy_http_version 1.1;
      proxy_set_header Connection $up;
      proxy_set_header Upgrade $http_upgrade;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_read_timeout 300s;
    }}
    location /plugins/notes/api/events {{
      proxy_pass http://plugin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 300s;
    }}
  }}
}}
"""
_HAPROXY = """\
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout tunnel 300s
  http-reuse always
frontend bench
  bind 127.0.0.1:{port} backlog 4096
  default_backend plugin
backend plugin
  server plugin unix@{socket} maxconn 4096
"""
INSTALL = {"nginx": "apt-get install nginx", "haproxy": "apt-get install haproxy"}


def program(name: str) -> str | None:
    """Where it is; Debian has both in a directory that users have not in their path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def nginx_command(port: int, http_socket: str, pages: Path, directory: Path) -> list[str]:
    # Its worker would give up root, and then could not reach a directory of root's.
    user = "user root;" if os.geteuid() == 0 else ""
    config = directory / "nginx.conf"
    text = _NGINX.format(user=user, directory=directory, socket=http_socket, port=port, pages=pages)
    config.write_text(text)
    return [program("nginx") or "nginx", "-c", str(config), "-p", str(directory), "-e", "/dev/null"]


def haproxy_command(port: int, http_socket: str, directory: Path) -> list[str]:
    config = directory / "haproxy.cfg"
    config.write_text(_HAPROXY.format(port=port, socket=http_socket))
    return [program("haproxy") or "haproxy", "-f", str(config)]
