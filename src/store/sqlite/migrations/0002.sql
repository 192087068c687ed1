-- What the queue may start because the clock was set back behind the time at which it was put to wait.
CREATE INDEX operation_ahead ON operation (update_time, id)
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting');
