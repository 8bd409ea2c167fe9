CREATE TABLE `users` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `name` varchar(255) NOT NULL,
  `name_key` varbinary(512) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  `password_hash` varchar(255) DEFAULT NULL,
  `registered_at` bigint(20) DEFAULT NULL,
  `skeleton` varbinary(512) DEFAULT NULL,
  `seen_at` bigint(20) NOT NULL DEFAULT 0,
  `blocked_until` bigint(20) NOT NULL DEFAULT 0,
  `quota_started_at` bigint(20) NOT NULL DEFAULT 0,
  `quota_used` int(11) NOT NULL DEFAULT 0,
  `zone` varchar(64) DEFAULT NULL,
  `language` varchar(8) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `users_name_key` (`name_key`),
  KEY `users_skeleton` (`skeleton`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO users VALUES (1, 'Ann 🦊', X'616e6e20f09fa68a', 1700000000000000, NULL, NULL, NULL, 1795287221644197, 0, 0, 0, NULL, NULL);
INSERT INTO users VALUES (2, 'Bob', X'626f62', 1700000000000001, NULL, NULL, NULL, 1795287221644197, 0, 0, 0, NULL, NULL);
CREATE TABLE `conversations` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `kind` varchar(16) NOT NULL,
  `key` varbinary(255) NOT NULL,
  `last_seq` bigint(20) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  `title` varchar(255) DEFAULT NULL,
  `topic` mediumblob DEFAULT NULL,
  `private` smallint(6) NOT NULL DEFAULT 0,
  `created_by` bigint(20) DEFAULT NULL,
  `sealed_title` mediumblob DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `conversations_key` (`key`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO conversations VALUES (1, 'general', X'67656e6572616c', 1, 1795262727800976, NULL, NULL, 0, NULL, NULL);
INSERT INTO conversations VALUES (2, 'direct', X'6469726563743a313a32', 1, 1700000000000002, NULL, NULL, 0, NULL, NULL);
CREATE TABLE `members` (
  `conversation_id` bigint(20) NOT NULL,
  `user_id` bigint(20) NOT NULL,
  `delivered_seq` bigint(20) NOT NULL,
  `joined_at` bigint(20) NOT NULL,
  `read_seq` bigint(20) NOT NULL DEFAULT 0,
  `role` varchar(16) NOT NULL DEFAULT 'member',
  PRIMARY KEY (`conversation_id`,`user_id`),
  KEY `members_user` (`user_id`),
  CONSTRAINT `fk_members_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`),
  CONSTRAINT `fk_members_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO members VALUES (1, 1, 0, 1700000000000000, 0, 'member');
INSERT INTO members VALUES (1, 2, 1, 1700000000000001, 1, 'member');
INSERT INTO members VALUES (2, 1, 0, 1700000000000002, 0, 'member');
INSERT INTO members VALUES (2, 2, 0, 1700000000000002, 0, 'member');
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
INSERT INTO body_chunks VALUES (1, 0, X'01ab9477068de92b7cb727dcff26e1a4d919836ddf0e11ee6910d7c5ae2b3d8ee7165442');
INSERT INTO body_chunks VALUES (1, 7, X'01990c134225c1447ddc951e9afea9fd7534295f03d6970913e3d74551832a468e');
CREATE TABLE `files` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `name` mediumblob NOT NULL,
  `size` bigint(20) NOT NULL,
  `sha256` varbinary(64) NOT NULL,
  `body_id` bigint(20) DEFAULT NULL,
  `owner_id` bigint(20) NOT NULL,
  `uuid` binary(16) NOT NULL,
  `received` bigint(20) NOT NULL DEFAULT 0,
  `complete` smallint(6) NOT NULL DEFAULT 0,
  `created_at` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `files_uuid` (`owner_id`,`uuid`),
  KEY `files_body` (`body_id`),
  KEY `files_owner` (`owner_id`,`complete`),
  CONSTRAINT `fk_files_body` FOREIGN KEY (`body_id`) REFERENCES `bodies` (`id`),
  CONSTRAINT `fk_files_owner` FOREIGN KEY (`owner_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO files VALUES (1, X'01ced2fe67a51aa2c97daf2b92a81c9e576bc428f499522868ba5fe05db1dbcc366e', 0, X'015ca4895fc0e7ecc89f8897292a29daaf96aade1bf15919475819098b01b58ef16c369174b6a7480ac27f001f48a33116cadc1eaba50d592c6ebd0c34', NULL, 1, X'03030303030303030303030303030303', 0, 1, 1700000000000006);
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
  `kind` varchar(8) NOT NULL DEFAULT 'text',
  `target_id` bigint(20) DEFAULT NULL,
  `file_id` bigint(20) DEFAULT NULL,
  `due_at` bigint(20) DEFAULT NULL,
  `edited_at` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `messages_seq` (`conversation_id`,`seq`),
  UNIQUE KEY `messages_uuid` (`uuid`,`sender_id`),
  KEY `fk_messages_sender` (`sender_id`),
  KEY `messages_body` (`body_id`),
  KEY `messages_target` (`target_id`),
  KEY `messages_file` (`file_id`),
  KEY `messages_shared` (`conversation_id`,`file_id`),
  CONSTRAINT `fk_messages_body` FOREIGN KEY (`body_id`) REFERENCES `bodies` (`id`),
  CONSTRAINT `fk_messages_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`),
  CONSTRAINT `fk_messages_file` FOREIGN KEY (`file_id`) REFERENCES `files` (`id`),
  CONSTRAINT `fk_messages_sender` FOREIGN KEY (`sender_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO messages VALUES (1, 1, 1, 1, 'Ann 🦊', X'01010101010101010101010101010101', 1700000000000004, X'01f9eb4fa8d5230170679230c50082833c83229cbf8945b2dd1a8052cc09d70c69a18642b3dfbb', 10, NULL, 'text', NULL, NULL, NULL, NULL);
INSERT INTO messages VALUES (2, 2, 1, 2, 'Bob', X'02020202020202020202020202020202', 1700000000000005, X'013a22fa528487c14bef178adbf7c64394d5b00512fd984c0d4ea706cb022119be427b', 11, 1, 'text', NULL, NULL, NULL, NULL);
CREATE TABLE `spent` (
  `uuid` binary(16) NOT NULL,
  `sender_id` bigint(20) NOT NULL,
  `message_id` bigint(20) NOT NULL,
  `conversation_id` bigint(20) NOT NULL,
  `seq` bigint(20) NOT NULL,
  `sent_at` bigint(20) NOT NULL,
  PRIMARY KEY (`uuid`,`sender_id`),
  KEY `spent_sent_at` (`sent_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO spent VALUES (X'05050505050505050505050505050505', 1, 9, 1, 9, 1700000000000017);
CREATE TABLE `contacts` (
  `user_id` bigint(20) NOT NULL,
  `contact_id` bigint(20) NOT NULL,
  `added_at` bigint(20) NOT NULL,
  PRIMARY KEY (`user_id`,`contact_id`),
  KEY `fk_contacts_contact` (`contact_id`),
  CONSTRAINT `fk_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `users` (`id`),
  CONSTRAINT `fk_contacts_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO contacts VALUES (1, 2, 1700000000000007);
CREATE TABLE `devices` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `user_id` bigint(20) NOT NULL,
  `token_hash` binary(32) NOT NULL,
  `label` varchar(100) NOT NULL,
  `address` varchar(64) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  `seen_at` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `devices_token` (`token_hash`),
  KEY `devices_user` (`user_id`),
  CONSTRAINT `fk_devices_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO devices VALUES (1, 1, X'0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a', 'a telephone', '192.0.2.1', 1700000000000008, 1700000000000009);
CREATE TABLE `invitations` (
  `conversation_id` bigint(20) NOT NULL,
  `user_id` bigint(20) NOT NULL,
  `invited_by` bigint(20) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  PRIMARY KEY (`conversation_id`,`user_id`),
  KEY `fk_invitations_inviter` (`invited_by`),
  KEY `invitations_user` (`user_id`),
  CONSTRAINT `fk_invitations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`),
  CONSTRAINT `fk_invitations_inviter` FOREIGN KEY (`invited_by`) REFERENCES `users` (`id`),
  CONSTRAINT `fk_invitations_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO invitations VALUES (2, 1, 2, 1700000000000010);
CREATE TABLE `links` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `conversation_id` bigint(20) NOT NULL,
  `token_hash` binary(32) NOT NULL,
  `created_by` bigint(20) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  `expires_at` bigint(20) NOT NULL,
  `revoked_at` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `links_token` (`token_hash`),
  KEY `fk_links_creator` (`created_by`),
  KEY `links_conversation` (`conversation_id`),
  CONSTRAINT `fk_links_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`),
  CONSTRAINT `fk_links_creator` FOREIGN KEY (`created_by`) REFERENCES `users` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO links VALUES (1, 2, X'0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b', 1, 1700000000000011, 1700000000000012, NULL);
CREATE TABLE `join_requests` (
  `conversation_id` bigint(20) NOT NULL,
  `user_id` bigint(20) NOT NULL,
  `link_id` bigint(20) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  PRIMARY KEY (`conversation_id`,`user_id`),
  KEY `fk_join_requests_user` (`user_id`),
  KEY `fk_join_requests_link` (`link_id`),
  CONSTRAINT `fk_join_requests_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`),
  CONSTRAINT `fk_join_requests_link` FOREIGN KEY (`link_id`) REFERENCES `links` (`id`),
  CONSTRAINT `fk_join_requests_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO join_requests VALUES (2, 2, 1, 1700000000000013);
CREATE TABLE `complaints` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `target_id` bigint(20) NOT NULL,
  `reporter` varbinary(80) NOT NULL,
  `reporter_id` bigint(20) NOT NULL,
  `reason` mediumblob NOT NULL,
  `created_at` bigint(20) NOT NULL,
  `settled_at` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `fk_complaints_reporter` (`reporter_id`),
  KEY `complaints_target` (`target_id`,`created_at`),
  CONSTRAINT `fk_complaints_reporter` FOREIGN KEY (`reporter_id`) REFERENCES `users` (`id`),
  CONSTRAINT `fk_complaints_target` FOREIGN KEY (`target_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO complaints VALUES (1, 2, X'757365723a31', 1, X'0144c0e56044ce2990cb597a86c261563808f1f4ae984c0c3ea525d88661d3ca5f', 1700000000000014, NULL);
CREATE TABLE `scheduled` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `user_id` bigint(20) NOT NULL,
  `conversation_id` bigint(20) NOT NULL,
  `body` mediumblob NOT NULL,
  `due_at` bigint(20) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  `uuid` binary(16) NOT NULL,
  `failure` varchar(32) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `scheduled_uuid` (`uuid`),
  KEY `fk_scheduled_conversation` (`conversation_id`),
  KEY `scheduled_due` (`due_at`),
  KEY `scheduled_user` (`user_id`),
  CONSTRAINT `fk_scheduled_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`),
  CONSTRAINT `fk_scheduled_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO scheduled VALUES (1, 1, 1, X'01de57d554e89f986dfdc826c0d53230d3d1b441ee0788468e07e60dfe89763c4a8a', 1700000000000015, 1700000000000016, X'04040404040404040404040404040404', NULL);
CREATE TABLE `root_key` (
  `id` bigint(20) NOT NULL,
  `wrapped` varbinary(64) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  `changed_at` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO root_key VALUES (1, X'0137bbe30dbb93c68e001e3906e57c765f3eef9056e3505b2e378c855b1eaf1dbb87858754e6a12c477a9b7062f2df9b331563b484636aceb80e171658', 1795878993358577, 1795878993358577);
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
INSERT INTO schema_version VALUES ('0003');
