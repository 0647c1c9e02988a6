"""The plugin's process."""

from plugway_sdk import serve

from redis_management.plugin import create_plugin

if __name__ == "__main__":
    serve(create_plugin())
