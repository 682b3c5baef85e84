-- The Channels whose unit ids are kept in plain beside their hash.
CREATE TABLE plain_channel (
    namespace TEXT NOT NULL,
    channel TEXT NOT NULL,
    PRIMARY KEY (namespace, channel)
) STRICT, WITHOUT ROWID;
