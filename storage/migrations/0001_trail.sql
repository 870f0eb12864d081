-- The trail, the rows that queries need beside it, and the functions that write them.
--
-- Rows hold owners and providers as numbers, which are a quarter as wide as names and quicker to compare; the views
-- below show names. An owner's number begins with its partition's, so that every key that has the one has the other,
-- and one batch touches one shard where the schema is distributed by ranges of owner_id.
--
-- PostgreSQL reads a CHECK of a table anew for every statement, which cost a batch as much as ten of its rows; that of a
-- domain it keeps. What the program asks of a batch by itself (storage/batch_check.cc) has none; a state outside its list, which
-- would have no name, is refused here.
--
-- Names are compared byte by byte (COLLATE "C"): the program orders them so too. States are numbers as well; their
-- names stand beside them here and in storage/rows.h, which does not compile when they go apart.

CREATE TABLE partition (
  partition_id smallint PRIMARY KEY,
  epoch bigint NOT NULL DEFAULT 0,                     -- One more with every taking: the fence.
  batch bigint NOT NULL DEFAULT 0,                     -- The last durable batch.
  heartbeat timestamptz,                               -- NULL: never held.
  down_since timestamptz,                              -- Of the outage not given back yet (R22); NULL: none.
  holder text NOT NULL DEFAULT '',                     -- '': given back.
  address text NOT NULL DEFAULT ''
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE partition IS 'Who writes which owners'' trails; their number never changes';

-- Every owner that ever acted, the directory among them. Neither changed nor removed.
CREATE TABLE owner (
  owner_id integer PRIMARY KEY,                        -- partition_id * 2^19 + n, n from 1.
  partition_id smallint NOT NULL,
  name text COLLATE "C" NOT NULL UNIQUE,
  CHECK (owner_id > 0 AND owner_id >> 19 = partition_id AND owner_id & 524287 > 0)
);
CREATE TABLE provider (
  provider_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE
);

CREATE DOMAIN counted AS bigint CHECK (VALUE > 0);
CREATE DOMAIN sha256_hash AS bytea CHECK (octet_length(VALUE) = 32);
-- 0 RECEIVED, 1 HOLDER_ROUND, 2 FALLBACK, 3 MATCH_ROUND, 4 CONFIRMING, 5 BLOCKED; finished: 6 FULFILLED,
-- 7 PARTIALLY_FULFILLED, 8 UNFILLED, 9 CANCELLED, 10 EXPIRED
CREATE DOMAIN request_state AS smallint CHECK (VALUE BETWEEN 0 AND 15);  -- 11 to 15: finished, and live still.
-- 0 OPEN, 1 ACCEPTED, 2 PARTIALLY_ACCEPTED, 3 COUNTERED, 4 DECLINED, 5 LAPSED, 6 RESCINDED, 7 SUPERSEDED, 8 VOIDED
CREATE DOMAIN offer_state AS smallint CHECK (VALUE BETWEEN 0 AND 8);
-- 0 none, 1 HELD, 2 CONFIRMED, 3 RELEASED, 4 WITHDRAWN, 5 EXPIRED
CREATE DOMAIN allocation_state AS smallint CHECK (VALUE BETWEEN 0 AND 5);

-- One row an act: all that one command decided for one owner at one instant. `body` is the canonical JSON, byte for
-- byte what the hash covers; time, request_id and decisions repeat it for queries, and verification compares them.
CREATE TABLE act (
  sequence counted NOT NULL,                           -- From 1, without gaps, per owner.
  time timestamptz NOT NULL,                           -- The broker's decision time.
  request_id uuid,                                     -- NULL: about the owner's agreements, or the directory.
  owner_id integer NOT NULL,
  decisions integer NOT NULL,                          -- How many.
  hash sha256_hash NOT NULL,                           -- SHA-256 of the owner's hash before it, and body.
  -- Of the command, if its caller may repeat it (R27): 16 bytes of a hash, a uuid being their cheapest carrier, and what
  -- it asked for.
  key uuid,
  payload sha256_hash,
  body text NOT NULL,
  PRIMARY KEY (owner_id, sequence)
);
CREATE UNIQUE INDEX act_key ON act (key, owner_id) WHERE key IS NOT NULL;
CREATE INDEX act_request ON act (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX act_account ON act (owner_id, sequence) WHERE request_id IS NULL;
COMMENT ON TABLE act IS 'The trail. Append-only';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on %: the trail is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'CB004';
END $$;
CREATE TRIGGER act_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON act
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Where each request stands. The one key serves an owner's list by state and, over the states of live requests, recovery;
-- whoever changes a row knows the state before.
CREATE TABLE request (
  request_id uuid NOT NULL,
  owner_id integer NOT NULL,
  state request_state NOT NULL,
  PRIMARY KEY (owner_id, state, request_id)
);

-- Which offers a provider has. The provider's list crosses owners, so its index does not lead with them.
-- That its request exists is the program's promise: as a foreign key it cost a sixth of the write path.
CREATE TABLE offer (
  request_id uuid NOT NULL,
  accepted bigint NOT NULL,                            -- Quantity allocated.
  deadline timestamptz NOT NULL,                       -- The last timely instant.
  owner_id integer NOT NULL,
  provider_id integer NOT NULL,
  number integer NOT NULL,                             -- From 1, per request.
  state offer_state NOT NULL,
  allocation allocation_state NOT NULL,
  PRIMARY KEY (owner_id, request_id, number)
);
CREATE INDEX offer_provider ON offer (provider_id, state, request_id, number, owner_id);

-- What an owner's book holds besides requests and agreements, and the head of its chain. Rewritten with every batch.
CREATE TABLE book (
  sequence bigint NOT NULL,
  time timestamptz NOT NULL,
  owner_id integer PRIMARY KEY REFERENCES owner,
  hash bytea NOT NULL,
  state text NOT NULL                                  -- JSON: commitments, cool_downs, waivers.
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0.02);

-- For people: the rows with names.
CREATE VIEW act_by_name AS
  SELECT o.partition_id, o.name AS owner, a.sequence, a.time, a.request_id, a.decisions, a.hash, a.body
  FROM act AS a JOIN owner AS o USING (owner_id);
CREATE VIEW request_by_name AS
  SELECT o.partition_id, o.name AS owner, r.request_id, r.state FROM request AS r JOIN owner AS o USING (owner_id);
CREATE VIEW offer_by_name AS
  SELECT o.partition_id, o.name AS owner, f.request_id, f.number, p.name AS provider, f.state, f.allocation, f.accepted,
         f.deadline
  FROM offer AS f JOIN owner AS o USING (owner_id) JOIN provider AS p USING (provider_id);
CREATE VIEW decision AS
  SELECT a.partition_id, a.owner, a.sequence, d.index, a.time, a.actor, a.request_id,
         d.body ->> 'kind' AS kind, (d.body ->> 'offer')::integer AS offer, d.body ->> 'provider' AS provider,
         d.body ->> 'clause' AS clause, d.body
  FROM (SELECT partition_id, owner, sequence, time, request_id, body::jsonb ->> 'actor' AS actor,
               body::jsonb -> 'decisions' AS list FROM act_by_name) AS a
  CROSS JOIN LATERAL jsonb_array_elements(a.list) WITH ORDINALITY AS d (body, index);
COMMENT ON VIEW decision IS 'The trail, one row a decision; index from 1 within its act';

-- The numbers of names, given now to those that have none. A number says nothing by itself, so this is a transaction of
-- its own, before the first batch that needs it. The partition's lock keeps two writers from giving the same one.
CREATE FUNCTION number_owners(names text[], partitions smallint[]) RETURNS TABLE (name text, owner_id integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM partition AS p WHERE p.partition_id = ANY (partitions) ORDER BY p.partition_id FOR NO KEY UPDATE;
  INSERT INTO owner (owner_id, partition_id, name)
  SELECT COALESCE((SELECT max(o.owner_id) FROM owner AS o WHERE o.owner_id >> 19 = n.partition_id
                   AND o.owner_id BETWEEN n.partition_id::integer << 19 AND (n.partition_id::integer << 19) + 524287),
                  n.partition_id::integer << 19)
         + (row_number() OVER (PARTITION BY n.partition_id ORDER BY n.name))::integer, n.partition_id, n.name
  FROM unnest(names, partitions) AS n (name, partition_id)
  WHERE NOT EXISTS (SELECT FROM owner AS o WHERE o.name = n.name);
  RETURN QUERY SELECT o.name, o.owner_id FROM owner AS o WHERE o.name = ANY (names);
END $$;
CREATE FUNCTION number_providers(names text[]) RETURNS TABLE (name text, provider_id integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO provider (name) SELECT n.name FROM unnest(names) AS n (name)
  WHERE NOT EXISTS (SELECT FROM provider AS p WHERE p.name = n.name) ORDER BY n.name ON CONFLICT DO NOTHING;
  RETURN QUERY SELECT p.name, p.provider_id FROM provider AS p WHERE p.name = ANY (names);
END $$;

-- One batch, one transaction, one round trip. The fences go first: whoever does not hold every partition under the
-- epoch and after the batch it names writes nothing (CB001). Returns the database's clock.
--
-- The arrays are unnested where the rows are selected, side by side: in FROM, every one of them would be put into a
-- table of its own first, which cost a tenth of the whole.
CREATE FUNCTION commit_batch(
  fence_partition smallint[], fence_epoch bigint[], fence_batch bigint[],
  act_owner integer[], act_sequence bigint[], act_time timestamptz[], act_request uuid[], act_decisions integer[],
  act_hash bytea[], act_key uuid[], act_payload bytea[], act_body text[],
  new_request_owner integer[], new_request_id uuid[], new_request_state smallint[],
  changed_request_owner integer[], changed_request_before smallint[], changed_request_id uuid[],
  changed_request_state smallint[],
  new_offer_owner integer[], new_offer_request uuid[], new_offer_number integer[], new_offer_provider integer[],
  new_offer_state smallint[], new_offer_allocation smallint[], new_offer_accepted bigint[],
  new_offer_deadline timestamptz[],
  changed_offer_owner integer[], changed_offer_request uuid[], changed_offer_number integer[],
  changed_offer_state smallint[], changed_offer_allocation smallint[], changed_offer_accepted bigint[],
  changed_offer_deadline timestamptz[],
  book_owner integer[], book_sequence bigint[], book_time timestamptz[], book_hash bytea[], book_state text[]
) RETURNS timestamptz LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  moved bigint;
  added bigint;
BEGIN
  UPDATE partition AS p SET batch = p.batch + 1, heartbeat = clock_timestamp()
  FROM (SELECT unnest(fence_partition) AS partition_id, unnest(fence_epoch) AS epoch, unnest(fence_batch) AS batch) AS f
  WHERE p.partition_id = f.partition_id AND p.epoch = f.epoch AND p.batch = f.batch;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved <> cardinality(fence_partition) THEN
    RAISE EXCEPTION 'fenced: holds % of % partitions', moved, cardinality(fence_partition) USING ERRCODE = 'CB001';
  END IF;

  IF cardinality(act_sequence) > 0 THEN
    INSERT INTO act (owner_id, sequence, time, request_id, decisions, hash, key, payload, body)
    SELECT unnest(act_owner), unnest(act_sequence), unnest(act_time), unnest(act_request), unnest(act_decisions),
           unnest(act_hash), unnest(act_key), unnest(act_payload), unnest(act_body);
  END IF;
  IF cardinality(new_request_id) > 0 THEN
    INSERT INTO request (owner_id, request_id, state)
    SELECT unnest(new_request_owner), unnest(new_request_id), unnest(new_request_state);
  END IF;
  IF cardinality(changed_request_id) > 0 THEN
    UPDATE request AS r SET state = n.state
    FROM (SELECT unnest(changed_request_owner) AS owner_id, unnest(changed_request_before) AS before,
                 unnest(changed_request_id) AS request_id, unnest(changed_request_state) AS state) AS n
    WHERE r.owner_id = n.owner_id AND r.state = n.before AND r.request_id = n.request_id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(changed_request_state) THEN
      RAISE EXCEPTION 'request: % of % rows to change are there', moved, cardinality(changed_request_state)
        USING ERRCODE = 'CB005';
    END IF;
  END IF;
  IF cardinality(new_offer_number) > 0 THEN
    INSERT INTO offer (owner_id, request_id, number, provider_id, state, allocation, accepted, deadline)
    SELECT unnest(new_offer_owner), unnest(new_offer_request), unnest(new_offer_number), unnest(new_offer_provider),
           unnest(new_offer_state), unnest(new_offer_allocation), unnest(new_offer_accepted),
           unnest(new_offer_deadline);
  END IF;
  IF cardinality(changed_offer_number) > 0 THEN
    UPDATE offer AS o SET state = n.state, allocation = n.allocation, accepted = n.accepted, deadline = n.deadline
    FROM (SELECT unnest(changed_offer_owner) AS owner_id, unnest(changed_offer_request) AS request_id,
                 unnest(changed_offer_number) AS number, unnest(changed_offer_state) AS state,
                 unnest(changed_offer_allocation) AS allocation, unnest(changed_offer_accepted) AS accepted,
                 unnest(changed_offer_deadline) AS deadline) AS n
    WHERE o.owner_id = n.owner_id AND o.request_id = n.request_id AND o.number = n.number;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(changed_offer_number) THEN
      RAISE EXCEPTION 'offer: % of % rows to change are there', moved, cardinality(changed_offer_number)
        USING ERRCODE = 'CB005';
    END IF;
  END IF;
  IF cardinality(book_sequence) > 0 THEN
    UPDATE book AS b SET sequence = n.sequence, time = n.time, hash = n.hash, state = n.state
    FROM (SELECT unnest(book_owner) AS owner_id, unnest(book_sequence) AS sequence, unnest(book_time) AS time,
                 unnest(book_hash) AS hash, unnest(book_state) AS state) AS n
    WHERE b.owner_id = n.owner_id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(book_sequence) THEN  -- An owner's first, once in its life.
      INSERT INTO book (owner_id, sequence, time, hash, state)
      SELECT n.* FROM unnest(book_owner, book_sequence, book_time, book_hash, book_state) AS n (owner_id)
      WHERE NOT EXISTS (SELECT FROM book AS b WHERE b.owner_id = n.owner_id);
      GET DIAGNOSTICS added = ROW_COUNT;
      IF moved + added <> cardinality(book_sequence) THEN
        RAISE EXCEPTION 'book: % of % rows are of an owner each', moved + added, cardinality(book_sequence)
          USING ERRCODE = 'CB005';
      END IF;
    END IF;
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
    GRANT SELECT ON schema_migration, decision, act_by_name, request_by_name, offer_by_name TO capbroker_broker;
    GRANT SELECT, INSERT ON act, owner, provider TO capbroker_broker;
    GRANT SELECT, UPDATE ON partition TO capbroker_broker;
    GRANT SELECT, INSERT, UPDATE ON request, offer, book TO capbroker_broker;
  END IF;
END $$;
