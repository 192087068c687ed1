-- How a resource is to be treated, as its order has said last: JSON.
ALTER TABLE resource ADD COLUMN care TEXT NOT NULL DEFAULT '{}';

-- Where the order is applied from.
ALTER TABLE order_ ADD COLUMN source TEXT NOT NULL DEFAULT '';
