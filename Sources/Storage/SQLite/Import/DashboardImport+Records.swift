import Primitives

// The rows that are no forms here.

extension DashboardImport {
    func users() throws {
        try each("users", as: "users", into: "users") { row in
            let name = row["username"].oldText
            guard !name.isEmpty else { throw Unfit(reason: "no name") }
            guard let role = row["role"].oldInteger, (0...1).contains(role) else { throw Unfit(reason: "unknown role") }
            let text = row["agent_secret"].oldText
            let secret = text.isEmpty ? (hash: "", sealed: []) : secrets.agentSecret(text)
            try insert(
                "users",
                [
                    "id": .integer(row.id), "username": .text(name), "password_hash": .text(row["password"].oldText),
                    "role": .integer(role), "agent_secret_hash": .text(secret.hash),
                    "agent_secret_sealed": .blob(secret.sealed),
                    "reject_password": .integer(row["reject_password"].oldFlag ? 1 : 0),
                    "token_version": .integer(row["token_version"].oldInteger ?? 0), "created_at": row.times.created,
                    "updated_at": row.times.updated,
                ])
        }
    }

    /// Who a user is at log-in providers.
    func bindings() throws {
        try each("oauth2_binds", as: "OAuth2 bindings", into: nil) { row in
            let owner = row["user_id"].oldInteger ?? 0
            guard try connection.exists(owner, in: "users") else { throw Unfit(reason: "the user does not exist") }
            let (provider, openID) = (row["provider"].oldText.lowercased(), row["open_id"].oldText)
            guard !provider.isEmpty, !openID.isEmpty else { throw Unfit(reason: "nobody at a provider") }
            try insert(
                "oauth2_bindings",
                ["user_id": .integer(owner), "provider": .text(provider), "open_id": .text(openID)])
        }
    }

    func servers() throws {
        try each("servers", as: "servers", into: "servers") { row in
            let uuid = row["uuid"].oldText
            guard !uuid.isEmpty else { throw Unfit(reason: "no UUID: no agent ever came for it") }
            try insert(
                "servers",
                [
                    "id": .integer(row.id), "user_id": .integer(row["user_id"].oldInteger ?? 0), "uuid": .text(uuid),
                    "name": .text(row["name"].oldText), "note": .text(row["note"].oldText),
                    "public_note": .text(row["public_note"].oldText),
                    "display_index": .integer(row["display_index"].oldInteger ?? 0),
                    "hide_for_guest": .integer(row["hide_for_guest"].oldFlag ? 1 : 0),
                    "enable_ddns": .integer(row["enable_d_dns"].oldFlag ? 1 : 0),
                    "ddns_profiles": .text(
                        try json(row["ddns_profiles_raw"], [Int64].self, otherwise: "[]", "ddns_profiles")),
                    "override_ddns_domains": .text(
                        try json(
                            row["override_ddns_domains_raw"], IDMap<[String]>.self, otherwise: "{}",
                            "override_ddns_domains")),
                    "created_at": row.times.created, "updated_at": row.times.updated,
                ])
        }
    }

    /// The text, if it can be read as that; `null` and nothing are the empty value.
    private func json<Value: Codable>(
        _ value: SQLValue, _ type: Value.Type, otherwise empty: String, _ column: String
    ) throws -> String {
        let text = value.oldText
        if text.isEmpty || text == "null" { return empty }
        guard let read = try? FormJSON.value(type, text, column: column) else {
            throw Unfit(reason: "\(column) cannot be read")
        }
        return try FormJSON.text(read)
    }

    func tokens() throws {
        try each("api_tokens", as: "API tokens", into: "api_tokens") { row in
            let owner = row["user_id"].oldInteger ?? 0
            guard try connection.exists(owner, in: "users") else { throw Unfit(reason: "the owner does not exist") }
            let hash = row["token_hash"].oldText
            guard hash.utf8.count == 64 else { throw Unfit(reason: "no hash") }
            try insert(
                "api_tokens",
                [
                    "id": .integer(row.id), "user_id": .integer(owner), "name": .text(row["name"].oldText),
                    "token_hash": .text(secrets.tokenHash(hash.lowercased())),
                    "scopes_csv": .text(row["scopes_csv"].oldText), "servers_csv": .text(row["servers_csv"].oldText),
                    "expires_at": row["expires_at"].oldTime.map { .integer($0) } ?? .null,
                    "last_used_at": row["last_used_at"].oldTime.map { .integer($0) } ?? .null,
                    "last_used_ip": .text(row["last_used_ip"].oldText), "created_at": row.times.created,
                    "updated_at": row.times.updated,
                ])
        }
    }

    /// Secrets come along: an agent may be on its way to its new owner, or speak by what it got there for good.
    func transfers() throws {
        func secret(_ value: SQLValue) -> (hash: String, sealed: [UInt8]) {
            let text = value.oldText
            return text.isEmpty ? ("", []) : secrets.agentSecret(text)
        }
        try each("server_transfers", as: "server transfers", into: "server_transfers") { row in
            guard let status = row["status"].oldInteger, (0...4).contains(status) else {
                throw Unfit(reason: "unknown status")
            }
            let (forward, revert) = (secret(row["handshake_secret"]), secret(row["revert_handshake_secret"]))
            try insert(
                "server_transfers",
                [
                    "id": .integer(row.id), "server_id": .integer(row["server_id"].oldInteger ?? 0),
                    "from_user_id": .integer(row["from_user_id"].oldInteger ?? 0),
                    "to_user_id": .integer(row["to_user_id"].oldInteger ?? 0),
                    "initiator_id": .integer(row["initiator_id"].oldInteger ?? 0), "status": .integer(status),
                    "last_error": .text(row["last_error"].oldText),
                    "acked_at": row["acked_at"].oldTime.map { .integer($0) } ?? .null,
                    "forward_hash": .text(forward.hash), "forward_sealed": .blob(forward.sealed),
                    "revert_hash": .text(revert.hash), "revert_sealed": .blob(revert.sealed),
                    "created_at": row.times.created, "updated_at": row.times.updated,
                ])
        }
    }

    func strikes() throws {
        try each("nz_waf", as: "blocked addresses", into: nil) { row in
            // Of 16 bytes; IPv4 addresses are mapped ones there.
            guard case .blob(let bytes) = row["ip"], bytes.count == 16, let address = IPAddress(bytes: bytes) else {
                throw Unfit(reason: "no address")
            }
            guard let reason = row["block_reason"].oldInteger, (1...5).contains(reason) else {
                throw Unfit(reason: "unknown reason")
            }
            try insert(
                "waf_strikes",
                [
                    "ip": .text(address.text), "identifier": .integer(row["block_identifier"].oldInteger ?? 0),
                    "count": .integer(row["count"].oldInteger ?? 0), "reason": .integer(reason),
                    "last_at": .integer((row["block_timestamp"].oldInteger ?? 0) * 1000),
                ])
        }
    }

    func audit() throws {
        try each("mcp_audit_logs", as: "audit rows", into: "mcp_audit_logs") { row in
            try insert(
                "mcp_audit_logs",
                [
                    "id": .integer(row.id), "created_at": row.times.created,
                    "user_id": .integer(row["user_id"].oldInteger ?? 0),
                    "token_id": .integer(row["token_id"].oldInteger ?? 0),
                    "server_id": .integer(row["server_id"].oldInteger ?? 0), "tool": .text(row["tool"].oldText),
                    "origin": .text("mcp"), "request_id": .text(""), "args_hash": .text(row["args_hash"].oldText),
                    "args_redacted": .text(""), "outcome": .text(row["outcome"].oldText),
                    "error_code": .text(row["error_code"].oldText), "error_msg": .text(row["error_msg"].oldText),
                    "duration_ms": .integer(row["duration_ms"].oldInteger ?? 0), "ip": .text(row["ip"].oldText),
                ])
        }
    }

    /// What has no table here, and why.
    func leaveBehind(besides sources: [FormSource]) throws {
        try leave("jwt_sessions", "log-ins", "everybody logs in again")
        for source in FormSource.all where !sources.contains(where: { $0.old == source.old }) {
            try leave(source.old, source.name, "not kept here")
        }
    }

    func leave(_ table: String, _ name: String, _ reason: String) throws {
        let count = try old.count(table)
        if count > 0 { report.left.append(.init(name: name, count: count, reason: reason)) }
    }
}
