"""Sources, bounded queues, pipeline and sinks: frames from a camera or file to a window or file."""
