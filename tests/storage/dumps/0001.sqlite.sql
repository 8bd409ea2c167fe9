CREATE TABLE bodies (
	id INTEGER NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "bodies" VALUES(1,1700000000000003);
CREATE TABLE body_chunks (
	body_id INTEGER NOT NULL,
	start BIGINT NOT NULL,
	data BLOB NOT NULL,
	PRIMARY KEY (body_id, start),
	CONSTRAINT fk_body_chunks_body FOREIGN KEY(body_id) REFERENCES bodies (id)
);
INSERT INTO "body_chunks" VALUES(1,0,X'61206C6F6E6720');
INSERT INTO "body_chunks" VALUES(1,7,X'74657874');
CREATE TABLE conversations (
	id INTEGER NOT NULL,
	kind VARCHAR(16) NOT NULL,
	"key" VARCHAR(255) NOT NULL,
	last_seq BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT conversations_key UNIQUE ("key")
);
INSERT INTO "conversations" VALUES(1,'general','general',1,1795262726930392);
INSERT INTO "conversations" VALUES(2,'direct','direct:1:2',1,1700000000000002);
CREATE TABLE counters (
	name VARCHAR(32) NOT NULL,
	value BIGINT NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO "counters" VALUES('message_id',2);
CREATE TABLE members (
	conversation_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	delivered_seq BIGINT NOT NULL,
	joined_at BIGINT NOT NULL,
	PRIMARY KEY (conversation_id, user_id),
	CONSTRAINT fk_members_conversation FOREIGN KEY(conversation_id) REFERENCES conversations (id),
	CONSTRAINT fk_members_user FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "members" VALUES(1,1,0,1700000000000000);
INSERT INTO "members" VALUES(1,2,1,1700000000000001);
INSERT INTO "members" VALUES(2,1,0,1700000000000002);
INSERT INTO "members" VALUES(2,2,0,1700000000000002);
CREATE TABLE messages (
	id INTEGER NOT NULL,
	conversation_id INTEGER NOT NULL,
	seq BIGINT NOT NULL,
	sender_id INTEGER NOT NULL,
	sender_name VARCHAR(255) NOT NULL,
	uuid BLOB NOT NULL,
	sent_at BIGINT NOT NULL,
	body BLOB NOT NULL,
	size BIGINT NOT NULL,
	body_id INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT messages_seq UNIQUE (conversation_id, seq),
	CONSTRAINT messages_uuid UNIQUE (uuid, sender_id),
	CONSTRAINT fk_messages_conversation FOREIGN KEY(conversation_id) REFERENCES conversations (id),
	CONSTRAINT fk_messages_sender FOREIGN KEY(sender_id) REFERENCES users (id),
	CONSTRAINT fk_messages_body FOREIGN KEY(body_id) REFERENCES bodies (id)
);
INSERT INTO "messages" VALUES(1,1,1,1,'Ann 🦊',X'01010101010101010101010101010101',1700000000000004,X'68656C6C6F20F09FA68A',10,NULL);
INSERT INTO "messages" VALUES(2,2,1,2,'Bob',X'02020202020202020202020202020202',1700000000000005,X'61206C6F6E67',11,1);
CREATE TABLE schema_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT schema_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "schema_version" VALUES('0001');
CREATE TABLE users (
	id INTEGER NOT NULL,
	name VARCHAR(255) NOT NULL,
	name_key VARCHAR(512) NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT users_name_key UNIQUE (name_key)
);
INSERT INTO "users" VALUES(1,'Ann 🦊','ann 🦊',1700000000000000);
INSERT INTO "users" VALUES(2,'Bob','bob',1700000000000001);
CREATE INDEX members_user ON members (user_id);
CREATE INDEX messages_body ON messages (body_id) WHERE body_id IS NOT NULL;
