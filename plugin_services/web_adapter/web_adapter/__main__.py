"""``python -m web_adapter`` serves what ``adapter.json`` beside the package describes."""

from pathlib import Path

from plugway_sdk import serve

from web_adapter.app import make_plugin

serve(make_plugin(Path(__file__).resolve().parent.parent))
