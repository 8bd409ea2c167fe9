CREATE TABLE `users` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `name` varchar(255) NOT NULL,
  `name_key` varbinary(512) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `users_name_key` (`name_key`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO users VALUES (1, 'Ann 🦊', X'616e6e20f09fa68a', 1700000000000000);
INSERT INTO users VALUES (2, 'Bob', X'626f62', 1700000000000001);
CREATE TABLE `conversations` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `kind` varchar(16) NOT NULL,
  `key` varbinary(255) NOT NULL,
  `last_seq` bigint(20) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `conversations_key` (`key`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO conversations VALUES (1, 'general', X'67656e6572616c', 1, 1795262727800976);
INSERT INTO conversations VALUES (2, 'direct', X'6469726563743a313a32', 1, 1700000000000002);
CREATE TABLE `members` (
  `conversation_id` bigint(20) NOT NULL,
  `user_id` bigint(20) NOT NULL,
  `delivered_seq` bigint(20) NOT NULL,
  `joined_at` bigint(20) NOT NULL,
  PRIMARY KEY (`conversation_id`,`user_id`),
  KEY `members_user` (`user_id`),
  CONSTRAINT `fk_members_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`),
  CONSTRAINT `fk_members_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO members VALUES (1, 1, 0, 1700000000000000);
INSERT INTO members VALUES (1, 2, 1, 1700000000000001);
INSERT INTO members VALUES (2, 1, 0, 1700000000000002);
INSERT INTO members VALUES (2, 2, 0, 1700000000000002);
CREATE TABLE `bodies` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO bodies VALUES (1, 1700000000000003);
CREATE TABLE `body_chunks` (
  `body_id` bigint(20) NOT NULL,
  `start` bigint(20) NOT NULL,
  `data` mediumblob NOT NULL,
  PRIMARY KEY (`body_id`,`start`),
  CONSTRAINT `fk_body_chunks_body` FOREIGN KEY (`body_id`) REFERENCES `bodies` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO body_chunks VALUES (1, 0, X'61206c6f6e6720');
INSERT INTO body_chunks VALUES (1, 7, X'74657874');
CREATE TABLE `messages` (
  `id` bigint(20) NOT NULL,
  `conversation_id` bigint(20) NOT NULL,
  `seq` bigint(20) NOT NULL,
  `sender_id` bigint(20) NOT NULL,
  `sender_name` varchar(255) NOT NULL,
  `uuid` binary(16) NOT NULL,
  `sent_at` bigint(20) NOT NULL,
  `body` mediumblob NOT NULL,
  `size` bigint(20) NOT NULL,
  `body_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `messages_seq` (`conversation_id`,`seq`),
  UNIQUE KEY `messages_uuid` (`uuid`,`sender_id`),
  KEY `fk_messages_sender` (`sender_id`),
  KEY `messages_body` (`body_id`),
  CONSTRAINT `fk_messages_body` FOREIGN KEY (`body_id`) REFERENCES `bodies` (`id`),
  CONSTRAINT `fk_messages_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`),
  CONSTRAINT `fk_messages_sender` FOREIGN KEY (`sender_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO messages VALUES (1, 1, 1, 1, 'Ann 🦊', X'01010101010101010101010101010101', 1700000000000004, X'68656c6c6f20f09fa68a', 10, NULL);
INSERT INTO messages VALUES (2, 2, 1, 2, 'Bob', X'02020202020202020202020202020202', 1700000000000005, X'61206c6f6e67', 11, 1);
CREATE TABLE `counters` (
  `name` varchar(32) NOT NULL,
  `value` bigint(20) NOT NULL,
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO counters VALUES ('message_id', 2);
CREATE TABLE `schema_version` (
  `version_num` varchar(32) NOT NULL,
  PRIMARY KEY (`version_num`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO schema_version VALUES ('0001');
