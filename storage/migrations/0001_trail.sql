-- The trail, the rows that queries need beside it, and the functions that write them.
--
-- Every key has the partition_id in it, so that one batch touches one shard where the schema is distributed; where
-- lookups name the whole key, it leads with the id that grows with time, so that inserts go to the index's right edge.
-- Names are compared byte by byte (COLLATE "C"): the program orders them so too. States are numbers, narrow and cheap to
-- index; their names stand beside them here and in storage/rows.h, which does not compile when they go apart.

CREATE TABLE partition (
  partition_id smallint PRIMARY KEY CHECK (partition_id >= 0),
  epoch bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),  -- One more with every taking: the fence.
  batch bigint NOT NULL DEFAULT 0 CHECK (batch >= 0),  -- The last durable batch.
  heartbeat timestamptz,                               -- NULL: never held.
  down_since timestamptz,                              -- Of the outage not given back yet (R22); NULL: none.
  holder text NOT NULL DEFAULT '',                     -- '': given back.
  address text NOT NULL DEFAULT ''
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE partition IS 'Who writes which owners'' trails; their number never changes';

-- One row an act: all that one command decided for one owner at one instant. `body` is the canonical JSON, byte for
-- byte what the hash covers; time, request_id and decisions repeat it for queries, and verification compares them.
CREATE TABLE act (
  sequence bigint NOT NULL CHECK (sequence > 0),       -- From 1, without gaps, per owner.
  time timestamptz NOT NULL,                           -- The broker's decision time.
  request_id uuid,                                     -- NULL: about the owner's agreements, or the directory.
  decisions integer NOT NULL CHECK (decisions > 0),    -- How many.
  partition_id smallint NOT NULL,
  owner text COLLATE "C" NOT NULL,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32), -- SHA-256 of the owner's hash before it, and body.
  body text NOT NULL,
  PRIMARY KEY (partition_id, owner, sequence)
);
CREATE INDEX act_request ON act (request_id, partition_id, sequence) WHERE request_id IS NOT NULL;
CREATE INDEX act_account ON act (partition_id, owner, sequence) WHERE request_id IS NULL;
COMMENT ON TABLE act IS 'The trail. Append-only';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on %: the trail is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'CB004';
END $$;
CREATE TRIGGER act_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON act
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Where each request stands. Ids are time-ordered. The second index serves an owner's list by state and, over a
-- partition's states below 6, recovery.
CREATE TABLE request (
  request_id uuid NOT NULL,
  partition_id smallint NOT NULL,
  -- 0 RECEIVED, 1 HOLDER_ROUND, 2 FALLBACK, 3 MATCH_ROUND, 4 CONFIRMING, 5 BLOCKED; finished: 6 FULFILLED,
  -- 7 PARTIALLY_FULFILLED, 8 UNFILLED, 9 CANCELLED, 10 EXPIRED
  state smallint NOT NULL CHECK (state BETWEEN 0 AND 10),
  owner text COLLATE "C" NOT NULL,
  PRIMARY KEY (request_id, partition_id, owner)
);
CREATE INDEX request_state ON request (partition_id, state, owner, request_id);

-- Which offers a provider has. The provider's list crosses partitions, so its index does not lead with them.
-- That its request exists is the program's promise: as a foreign key it cost a sixth of the write path.
CREATE TABLE offer (
  request_id uuid NOT NULL,
  accepted bigint NOT NULL CHECK (accepted >= 0),      -- Quantity allocated.
  deadline timestamptz NOT NULL,                       -- The last timely instant.
  number integer NOT NULL CHECK (number > 0),          -- From 1, per request.
  partition_id smallint NOT NULL,
  -- 0 OPEN, 1 ACCEPTED, 2 PARTIALLY_ACCEPTED, 3 COUNTERED, 4 DECLINED, 5 LAPSED, 6 RESCINDED, 7 SUPERSEDED, 8 VOIDED
  state smallint NOT NULL CHECK (state BETWEEN 0 AND 8),
  -- 0 none, 1 HELD, 2 CONFIRMED, 3 RELEASED, 4 WITHDRAWN, 5 EXPIRED
  allocation smallint NOT NULL CHECK (allocation BETWEEN 0 AND 5),
  owner text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  PRIMARY KEY (partition_id, owner, request_id, number),
  CHECK (allocation = 0 OR accepted > 0)
);
CREATE INDEX offer_provider ON offer (provider, state, request_id, number, owner);

-- What an owner's book holds besides requests and agreements, and the head of its chain. Rewritten with every batch.
CREATE TABLE book (
  sequence bigint NOT NULL CHECK (sequence > 0),
  time timestamptz NOT NULL,
  partition_id smallint NOT NULL,
  owner text COLLATE "C" NOT NULL,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  state text NOT NULL,                                 -- JSON: commitments, cool_downs, waivers.
  PRIMARY KEY (partition_id, owner)
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX book_owner ON book (owner);

-- Commands that their callers may repeat, kept for some days. Rows arrive in the order of created_time, so a few
-- pages of a BRIN find the old ones.
CREATE TABLE idempotency_key (
  key uuid NOT NULL,                                   -- 16 bytes of a hash; a uuid is their cheapest carrier.
  request_id uuid,
  sequence bigint NOT NULL,                            -- Of the act that answered it.
  created_time timestamptz NOT NULL DEFAULT now(),
  partition_id smallint NOT NULL,
  owner text COLLATE "C" NOT NULL,
  payload bytea NOT NULL CHECK (octet_length(payload) = 32),
  PRIMARY KEY (key, partition_id, owner)
);
CREATE INDEX idempotency_key_age ON idempotency_key USING brin (created_time) WITH (autosummarize = on);

-- One row a decision, for people.
CREATE VIEW decision AS
  SELECT a.partition_id, a.owner, a.sequence, d.index, a.time, a.actor, a.request_id,
         d.body ->> 'kind' AS kind, (d.body ->> 'offer')::integer AS offer, d.body ->> 'provider' AS provider,
         d.body ->> 'clause' AS clause, d.body
  FROM (SELECT partition_id, owner, sequence, time, request_id, body::jsonb ->> 'actor' AS actor,
               body::jsonb -> 'decisions' AS list FROM act) AS a
  CROSS JOIN LATERAL jsonb_array_elements(a.list) WITH ORDINALITY AS d (body, index);
COMMENT ON VIEW decision IS 'The trail, one row a decision; index from 1 within its act';

-- One batch, one transaction, one round trip. The fences go first: whoever does not hold every partition under the
-- epoch and after the batch it names writes nothing (CB001). Returns the database's clock.
CREATE FUNCTION commit_batch(
  fence_partition smallint[], fence_epoch bigint[], fence_batch bigint[],
  act_partition smallint[], act_owner text[], act_sequence bigint[], act_time timestamptz[], act_request uuid[],
  act_decisions integer[], act_body text[], act_hash bytea[],
  new_request_partition smallint[], new_request_owner text[], new_request_id uuid[], new_request_state smallint[],
  changed_request_partition smallint[], changed_request_owner text[], changed_request_id uuid[],
  changed_request_state smallint[],
  new_offer_partition smallint[], new_offer_owner text[], new_offer_request uuid[], new_offer_number integer[],
  new_offer_provider text[], new_offer_state smallint[], new_offer_allocation smallint[], new_offer_accepted bigint[],
  new_offer_deadline timestamptz[],
  changed_offer_partition smallint[], changed_offer_owner text[], changed_offer_request uuid[],
  changed_offer_number integer[], changed_offer_state smallint[], changed_offer_allocation smallint[],
  changed_offer_accepted bigint[], changed_offer_deadline timestamptz[],
  book_partition smallint[], book_owner text[], book_sequence bigint[], book_time timestamptz[], book_hash bytea[],
  book_state text[],
  key_partition smallint[], key_owner text[], key_key uuid[], key_payload bytea[], key_request uuid[],
  key_sequence bigint[]
) RETURNS timestamptz LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  moved bigint;
BEGIN
  UPDATE partition AS p SET batch = p.batch + 1, heartbeat = clock_timestamp()
  FROM unnest(fence_partition, fence_epoch, fence_batch) AS f (partition_id, epoch, batch)
  WHERE p.partition_id = f.partition_id AND p.epoch = f.epoch AND p.batch = f.batch;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved <> cardinality(fence_partition) THEN
    RAISE EXCEPTION 'fenced: holds % of % partitions', moved, cardinality(fence_partition) USING ERRCODE = 'CB001';
  END IF;

  IF cardinality(key_key) > 0 THEN
    INSERT INTO idempotency_key (partition_id, owner, key, payload, request_id, sequence)
    SELECT * FROM unnest(key_partition, key_owner, key_key, key_payload, key_request, key_sequence);
  END IF;
  IF cardinality(act_sequence) > 0 THEN
    INSERT INTO act (partition_id, owner, sequence, time, request_id, decisions, body, hash)
    SELECT * FROM unnest(act_partition, act_owner, act_sequence, act_time, act_request, act_decisions, act_body,
                         act_hash);
  END IF;
  IF cardinality(new_request_id) > 0 THEN
    INSERT INTO request (partition_id, owner, request_id, state)
    SELECT * FROM unnest(new_request_partition, new_request_owner, new_request_id, new_request_state);
  END IF;
  IF cardinality(changed_request_id) > 0 THEN
    UPDATE request AS r SET state = n.state
    FROM unnest(changed_request_partition, changed_request_owner, changed_request_id, changed_request_state)
      AS n (partition_id, owner, request_id, state)
    WHERE r.partition_id = n.partition_id AND r.owner = n.owner AND r.request_id = n.request_id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(changed_request_state) THEN
      RAISE EXCEPTION 'request: % of % rows to change are there', moved, cardinality(changed_request_state)
        USING ERRCODE = 'CB005';
    END IF;
  END IF;
  IF cardinality(new_offer_number) > 0 THEN
    INSERT INTO offer (partition_id, owner, request_id, number, provider, state, allocation, accepted, deadline)
    SELECT * FROM unnest(new_offer_partition, new_offer_owner, new_offer_request, new_offer_number, new_offer_provider,
                         new_offer_state, new_offer_allocation, new_offer_accepted, new_offer_deadline);
  END IF;
  IF cardinality(changed_offer_number) > 0 THEN
    UPDATE offer AS o SET state = n.state, allocation = n.allocation, accepted = n.accepted, deadline = n.deadline
    FROM unnest(changed_offer_partition, changed_offer_owner, changed_offer_request, changed_offer_number,
                changed_offer_state, changed_offer_allocation, changed_offer_accepted, changed_offer_deadline)
      AS n (partition_id, owner, request_id, number, state, allocation, accepted, deadline)
    WHERE o.partition_id = n.partition_id AND o.owner = n.owner AND o.request_id = n.request_id
      AND o.number = n.number;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(changed_offer_number) THEN
      RAISE EXCEPTION 'offer: % of % rows to change are there', moved, cardinality(changed_offer_number)
        USING ERRCODE = 'CB005';
    END IF;
  END IF;
  IF cardinality(book_sequence) > 0 THEN
    INSERT INTO book AS b (partition_id, owner, sequence, time, hash, state)
    SELECT * FROM unnest(book_partition, book_owner, book_sequence, book_time, book_hash, book_state)
    ON CONFLICT (partition_id, owner) DO UPDATE
    SET sequence = excluded.sequence, time = excluded.time, hash = excluded.hash, state = excluded.state;
  END IF;
  RETURN clock_timestamp();
END $$;

-- Takes partitions, each under its next epoch. The row locks wait for a commit of an earlier epoch still in flight; one
-- that comes later finds its epoch gone. CB002: another holder is alive; CB003: no such partition. `heartbeat` is the
-- one before; `down_since` is kept from an earlier taking until a beat says that its outage is given back.
CREATE FUNCTION take_partitions(ids smallint[], new_holder text, new_address text, lease interval)
RETURNS TABLE (partition_id smallint, epoch bigint, batch bigint, heartbeat timestamptz, down_since timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  found_rows bigint;
  alive partition%ROWTYPE;
BEGIN
  PERFORM 1 FROM partition AS p WHERE p.partition_id = ANY (ids) ORDER BY p.partition_id FOR UPDATE;
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  IF found_rows <> cardinality(ids) THEN
    RAISE EXCEPTION 'partitions: % of % exist', found_rows, cardinality(ids) USING ERRCODE = 'CB003';
  END IF;
  SELECT * INTO alive FROM partition AS p
  WHERE p.partition_id = ANY (ids) AND p.holder NOT IN ('', new_holder) AND p.heartbeat > clock_timestamp() - lease
  ORDER BY p.partition_id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'partition % is held by % at %, seen % s ago', alive.partition_id, alive.holder, alive.address,
      round(extract(epoch FROM clock_timestamp() - alive.heartbeat), 3) USING ERRCODE = 'CB002';
  END IF;
  RETURN QUERY
    WITH before AS (SELECT p.partition_id, p.heartbeat FROM partition AS p WHERE p.partition_id = ANY (ids))
    UPDATE partition AS p
    SET epoch = p.epoch + 1, holder = new_holder, address = new_address, heartbeat = clock_timestamp(),
      down_since = COALESCE(p.down_since, p.heartbeat)
    FROM before WHERE p.partition_id = before.partition_id
    RETURNING p.partition_id, p.epoch, p.batch, before.heartbeat, p.down_since;
END $$;

-- Moves the heartbeats of partitions still held under these epochs, or none (CB001), and forgets the outages of those
-- in `resumed`. Returns the database's clock.
CREATE FUNCTION beat(ids smallint[], epochs bigint[], resumed smallint[]) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
  moved bigint;
BEGIN
  UPDATE partition AS p
  SET heartbeat = clock_timestamp(),
    down_since = CASE WHEN p.partition_id = ANY (resumed) THEN NULL ELSE p.down_since END
  FROM unnest(ids, epochs) AS f (partition_id, epoch)
  WHERE p.partition_id = f.partition_id AND p.epoch = f.epoch AND p.holder <> '';
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved <> cardinality(ids) THEN
    RAISE EXCEPTION 'fenced: holds % of % partitions', moved, cardinality(ids) USING ERRCODE = 'CB001';
  END IF;
  RETURN clock_timestamp();
END $$;

-- The broker's role writes the trail and cannot change it. Whoever migrates may not create roles: then an
-- administrator creates capbroker_broker and grants the same.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'capbroker_broker') THEN
    CREATE ROLE capbroker_broker NOLOGIN;
  END IF;
EXCEPTION
  WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'capbroker_broker') THEN
    GRANT SELECT ON schema_migration, decision TO capbroker_broker;
    GRANT SELECT, INSERT ON act TO capbroker_broker;
    GRANT SELECT, UPDATE ON partition TO capbroker_broker;
    GRANT SELECT, INSERT, UPDATE ON request, offer, book TO capbroker_broker;
    GRANT SELECT, INSERT, DELETE ON idempotency_key TO capbroker_broker;
  END IF;
END $$;
