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
INSERT INTO "body_chunks" VALUES(1,0,X'01647BA58908036640666CDB73BCB3A5FA2C3D98042024C00D5762168027E18120685280');
INSERT INTO "body_chunks" VALUES(1,7,X'011882100D967F3367B8C45B6CCD468573473104772D7DBD56472DF1AEE8341D84');
CREATE TABLE complaints (
	id INTEGER NOT NULL,
	target_id INTEGER NOT NULL,
	reporter VARCHAR(80) NOT NULL,
	reporter_id INTEGER NOT NULL,
	reason BLOB NOT NULL,
	created_at BIGINT NOT NULL,
	settled_at BIGINT,
	PRIMARY KEY (id),
	CONSTRAINT fk_complaints_target FOREIGN KEY(target_id) REFERENCES users (id),
	CONSTRAINT fk_complaints_reporter FOREIGN KEY(reporter_id) REFERENCES users (id)
);
INSERT INTO "complaints" VALUES(1,2,'user:1',1,X'010549599966004748C7B244B95D9723735DD4B844E0F87F60C714D456C2949450',1700000000000014,NULL);
CREATE TABLE contacts (
	user_id INTEGER NOT NULL,
	contact_id INTEGER NOT NULL,
	added_at BIGINT NOT NULL,
	PRIMARY KEY (user_id, contact_id),
	CONSTRAINT fk_contacts_user FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_contacts_contact FOREIGN KEY(contact_id) REFERENCES users (id)
);
INSERT INTO "contacts" VALUES(1,2,1700000000000007);
CREATE TABLE conversations (
	id INTEGER NOT NULL,
	kind VARCHAR(16) NOT NULL,
	"key" VARCHAR(255) NOT NULL,
	last_seq BIGINT NOT NULL,
	created_at BIGINT NOT NULL, title VARCHAR(255), topic BLOB, private SMALLINT DEFAULT '0' NOT NULL, created_by INTEGER, sealed_title BLOB,
	PRIMARY KEY (id),
	CONSTRAINT conversations_key UNIQUE ("key")
);
INSERT INTO "conversations" VALUES(1,'general','general',1,1795262726930392,NULL,NULL,0,NULL,NULL);
INSERT INTO "conversations" VALUES(2,'direct','direct:1:2',1,1700000000000002,NULL,NULL,0,NULL,NULL);
CREATE TABLE counters (
	name VARCHAR(32) NOT NULL,
	value BIGINT NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO "counters" VALUES('message_id',2);
CREATE TABLE devices (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	token_hash BLOB NOT NULL,
	label VARCHAR(100) NOT NULL,
	address VARCHAR(64) NOT NULL,
	created_at BIGINT NOT NULL,
	seen_at BIGINT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT devices_token UNIQUE (token_hash),
	CONSTRAINT fk_devices_user FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "devices" VALUES(1,1,X'0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A','a telephone','192.0.2.1',1700000000000008,1700000000000009);
CREATE TABLE files (
	id INTEGER NOT NULL,
	name BLOB NOT NULL,
	size BIGINT NOT NULL,
	sha256 BLOB NOT NULL,
	body_id INTEGER,
	owner_id INTEGER NOT NULL,
	uuid BLOB NOT NULL,
	received BIGINT DEFAULT '0' NOT NULL,
	complete SMALLINT DEFAULT '0' NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT files_uuid UNIQUE (owner_id, uuid),
	CONSTRAINT fk_files_body FOREIGN KEY(body_id) REFERENCES bodies (id),
	CONSTRAINT fk_files_owner FOREIGN KEY(owner_id) REFERENCES users (id)
);
INSERT INTO "files" VALUES(1,X'012610AE77039B4781A0850C4529EF4AE216C4289187B85C304C2FFD8B8EED7E63FC',0,X'01A33A97F88B17CB0B26A4FA5D162BCECAD4C6A07B16F08B94F5689AA05E5058A9B4BAA7FB15F19D537CA260710F4C782AAAE7766E44BEBC59578718F4',NULL,1,X'03030303030303030303030303030303',0,1,1700000000000006);
CREATE TABLE invitations (
	conversation_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	invited_by INTEGER NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (conversation_id, user_id),
	CONSTRAINT fk_invitations_conversation FOREIGN KEY(conversation_id) REFERENCES conversations (id),
	CONSTRAINT fk_invitations_user FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_invitations_inviter FOREIGN KEY(invited_by) REFERENCES users (id)
);
INSERT INTO "invitations" VALUES(2,1,2,1700000000000010);
CREATE TABLE join_requests (
	conversation_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	link_id INTEGER NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (conversation_id, user_id),
	CONSTRAINT fk_join_requests_conversation FOREIGN KEY(conversation_id) REFERENCES conversations (id),
	CONSTRAINT fk_join_requests_user FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_join_requests_link FOREIGN KEY(link_id) REFERENCES links (id)
);
INSERT INTO "join_requests" VALUES(2,2,1,1700000000000013);
CREATE TABLE links (
	id INTEGER NOT NULL,
	conversation_id INTEGER NOT NULL,
	token_hash BLOB NOT NULL,
	created_by INTEGER NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	revoked_at BIGINT,
	PRIMARY KEY (id),
	CONSTRAINT links_token UNIQUE (token_hash),
	CONSTRAINT fk_links_conversation FOREIGN KEY(conversation_id) REFERENCES conversations (id),
	CONSTRAINT fk_links_creator FOREIGN KEY(created_by) REFERENCES users (id)
);
INSERT INTO "links" VALUES(1,2,X'0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B',1,1700000000000011,1700000000000012,NULL);
CREATE TABLE members (
	conversation_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	delivered_seq BIGINT NOT NULL,
	joined_at BIGINT NOT NULL, read_seq BIGINT DEFAULT '0' NOT NULL, role VARCHAR(16) DEFAULT 'member' NOT NULL,
	PRIMARY KEY (conversation_id, user_id),
	CONSTRAINT fk_members_conversation FOREIGN KEY(conversation_id) REFERENCES conversations (id),
	CONSTRAINT fk_members_user FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "members" VALUES(1,1,0,1700000000000000,0,'member');
INSERT INTO "members" VALUES(1,2,1,1700000000000001,1,'member');
INSERT INTO "members" VALUES(2,1,0,1700000000000002,0,'member');
INSERT INTO "members" VALUES(2,2,0,1700000000000002,0,'member');
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
	body_id INTEGER, kind VARCHAR(8) DEFAULT 'text' NOT NULL, target_id INTEGER, file_id INTEGER CONSTRAINT fk_messages_file REFERENCES files (id), due_at BIGINT, edited_at BIGINT,
	PRIMARY KEY (id),
	CONSTRAINT messages_seq UNIQUE (conversation_id, seq),
	CONSTRAINT messages_uuid UNIQUE (uuid, sender_id),
	CONSTRAINT fk_messages_conversation FOREIGN KEY(conversation_id) REFERENCES conversations (id),
	CONSTRAINT fk_messages_sender FOREIGN KEY(sender_id) REFERENCES users (id),
	CONSTRAINT fk_messages_body FOREIGN KEY(body_id) REFERENCES bodies (id)
);
INSERT INTO "messages" VALUES(1,1,1,1,'Ann 🦊',X'01010101010101010101010101010101',1700000000000004,X'01DC3865FC6DEBA85889DF77430749DCAAFB70B4435D47D44E43934C24BC1886D45F9C9A58D67F',10,NULL,'text',NULL,NULL,NULL,NULL);
INSERT INTO "messages" VALUES(2,2,1,2,'Bob',X'02020202020202020202020202020202',1700000000000005,X'0131250BC3E88196D6E86EE73FED0E2AEE1CA7F1DD78778DA7E48A072ACBF9999B2A02',11,1,'text',NULL,NULL,NULL,NULL);
CREATE TABLE root_key (
	id INTEGER NOT NULL, 
	wrapped BLOB NOT NULL, 
	created_at BIGINT NOT NULL, 
	changed_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "root_key" VALUES(1,X'01874E14C1537F7C68701834996F7B8E0E8798E4F35EC89EE7F63ADB6611F1D71E42E44E67E9877C2745B663B55CE414BC43BC77F2CDADB41E0352294B',1795878988623559,1795878988623559);
CREATE TABLE scheduled (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	user_id INTEGER NOT NULL,
	conversation_id INTEGER NOT NULL,
	body BLOB NOT NULL,
	due_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	uuid BLOB NOT NULL,
	failure VARCHAR(32),
	CONSTRAINT scheduled_uuid UNIQUE (uuid),
	CONSTRAINT fk_scheduled_user FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_scheduled_conversation FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);
INSERT INTO "scheduled" VALUES(1,1,1,X'01580632859BD29B7903EB800483F4F11C85C5A1DE5C03C3C18B53ADF6B39A307C2F',1700000000000015,1700000000000016,X'04040404040404040404040404040404',NULL);
CREATE TABLE schema_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT schema_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "schema_version" VALUES('0003');
CREATE TABLE spent (
	uuid BLOB NOT NULL,
	sender_id INTEGER NOT NULL,
	message_id INTEGER NOT NULL,
	conversation_id INTEGER NOT NULL,
	seq BIGINT NOT NULL,
	sent_at BIGINT NOT NULL,
	PRIMARY KEY (uuid, sender_id)
);
INSERT INTO "spent" VALUES(X'05050505050505050505050505050505',1,9,1,9,1700000000000017);
CREATE TABLE users (
	id INTEGER NOT NULL,
	name VARCHAR(255) NOT NULL,
	name_key VARCHAR(512) NOT NULL,
	created_at BIGINT NOT NULL, password_hash VARCHAR(255), registered_at BIGINT, skeleton VARCHAR(512), seen_at BIGINT DEFAULT '0' NOT NULL, blocked_until BIGINT DEFAULT '0' NOT NULL, quota_started_at BIGINT DEFAULT '0' NOT NULL, quota_used INTEGER DEFAULT '0' NOT NULL, zone VARCHAR(64), language VARCHAR(8),
	PRIMARY KEY (id),
	CONSTRAINT users_name_key UNIQUE (name_key)
);
INSERT INTO "users" VALUES(1,'Ann 🦊','ann 🦊',1700000000000000,NULL,NULL,NULL,1795287220359729,0,0,0,NULL,NULL);
INSERT INTO "users" VALUES(2,'Bob','bob',1700000000000001,NULL,NULL,NULL,1795287220359729,0,0,0,NULL,NULL);
CREATE INDEX members_user ON members (user_id);
CREATE INDEX messages_body ON messages (body_id) WHERE body_id IS NOT NULL;
CREATE INDEX users_skeleton ON users (skeleton);
CREATE INDEX files_body ON files (body_id);
CREATE INDEX files_owner ON files (owner_id, complete);
CREATE INDEX messages_target ON messages (target_id) WHERE target_id IS NOT NULL;
CREATE INDEX messages_file ON messages (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX messages_shared ON messages (conversation_id, file_id) WHERE file_id IS NOT NULL;
CREATE INDEX spent_sent_at ON spent (sent_at);
CREATE INDEX devices_user ON devices (user_id);
CREATE INDEX invitations_user ON invitations (user_id);
CREATE INDEX links_conversation ON links (conversation_id);
CREATE INDEX complaints_target ON complaints (target_id, created_at);
CREATE INDEX scheduled_due ON scheduled (due_at);
CREATE INDEX scheduled_user ON scheduled (user_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('scheduled',1);
