"""An archive for whenthen: readings as InfluxDB line protocol, a file a day, each line once."""
