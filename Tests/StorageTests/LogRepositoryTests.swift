import Storage
import Testing

@Suite("Audit log")
struct AuditRepositoryTests {
    @Test("rows come back as they were stored, newest first, in pages")
    func pages() async throws {
        try await withStorage { storage in
            try await storage.audit.append([])
            // The same time for all: the order is by id.
            try await storage.audit.append((0..<5).map { auditRow("t\($0)", user: Int64($0 % 2)) })
            var first = auditRow("t0", user: 0)
            first.id = 1
            #expect(try await storage.audit.rows(AuditSelection(before: 2), limit: 10) == [first])
            let page = try await storage.audit.rows(AuditSelection(), limit: 2)
            #expect(page.map(\.tool) == ["t4", "t3"])
            let next = try await storage.audit.rows(AuditSelection(before: page.last?.id), limit: 2)
            #expect(next.map(\.tool) == ["t2", "t1"])
            let mine = try await storage.audit.rows(AuditSelection(userID: 1, before: 4), limit: 1)
            #expect(mine.map(\.tool) == ["t1"])
            #expect(try await storage.audit.rows(AuditSelection(), limit: 0).isEmpty)
            #expect(try await storage.audit.rows(AuditSelection(), limit: -1).isEmpty)
        }
    }

    @Test("a selection by tool and by servers; rows without server belong to every list of servers")
    func selection() async throws {
        try await withStorage { storage in
            var rows = (0..<6).map { auditRow($0 % 2 == 0 ? "even" : "odd") }
            for index in rows.indices { rows[index].serverID = Int64(index / 2) }
            try await storage.audit.append(rows)
            func ids(_ selection: AuditSelection) async throws -> [Int64] {
                try await storage.audit.rows(selection, limit: 10).map(\.id)
            }
            #expect(try await ids(AuditSelection(tool: "even")) == [5, 3, 1])
            #expect(try await ids(AuditSelection(serverIDs: [2])) == [6, 5, 2, 1])
            #expect(try await ids(AuditSelection(before: 6, tool: "odd", serverIDs: [2, 9])) == [2])
            #expect(try await ids(AuditSelection(serverIDs: [])) == [2, 1])
            #expect(try await ids(AuditSelection(tool: "' OR 1=1 --")).isEmpty)
        }
    }

    @Test("a selection by user and token")
    func byToken() async throws {
        try await withStorage { storage in
            var rows = (0..<4).map { auditRow("t\($0)", user: Int64($0 % 2)) }
            for index in rows.indices { rows[index].tokenID = Int64(index / 2) }
            try await storage.audit.append(rows)
            func ids(_ selection: AuditSelection) async throws -> [Int64] {
                try await storage.audit.rows(selection, limit: 10).map(\.id)
            }
            #expect(try await ids(AuditSelection(tokenID: 1)) == [4, 3])
            #expect(try await ids(AuditSelection(userID: 1, tokenID: 1)) == [4])
            // 0 is the token of log-ins, not everybody's.
            #expect(try await ids(AuditSelection(tokenID: 0)) == [2, 1])
            #expect(try await ids(AuditSelection(userID: 5, tokenID: 1)) == [])
        }
    }

    @Test("purge takes the oldest rows first, at most so many, and ids go on")
    func purge() async throws {
        try await withStorage { storage in
            try await storage.audit.append((0..<10).map { auditRow("t\($0)", at: time(10 - $0)) })
            #expect(try await storage.audit.purge(before: time(4), limit: -1) == 0)
            #expect(try await storage.audit.purge(before: time(4), limit: 2) == 2)
            let left = try await storage.audit.rows(AuditSelection(), limit: 100)
            #expect(left.map(\.tool) == (0..<8).reversed().map { "t\($0)" })
            #expect(try await storage.audit.purge(before: time(4), limit: 100) == 1)
            #expect(try await storage.audit.purge(before: time(4), limit: 100) == 0)
            #expect(try await storage.audit.purge(before: time(99), limit: 100) == 7)
            try await storage.audit.append([auditRow("new")])
            #expect(try await storage.audit.rows(AuditSelection(), limit: 1).first?.id == 11)
        }
    }

    @Test("more rows than may stay lose their oldest, at most so many at once; as many as may stay lose none")
    func purgeBySize() async throws {
        try await withStorage { storage in
            #expect(try await storage.audit.purge(allBut: 3, limit: 100) == 0)
            try await storage.audit.append((0..<10).map { auditRow("t\($0)", at: time($0)) })
            #expect(try await storage.audit.purge(allBut: 10, limit: 100) == 0)
            #expect(try await storage.audit.purge(allBut: 9, limit: 100) == 1)
            #expect(try await storage.audit.purge(allBut: 3, limit: 2) == 2)
            #expect(try await storage.audit.purge(allBut: 3, limit: 0) == 0)
            #expect(try await storage.audit.purge(allBut: 3, limit: 100) == 4)
            let left = try await storage.audit.rows(AuditSelection(), limit: 100)
            #expect(left.map(\.tool) == ["t9", "t8", "t7"])
        }
    }

    @Test("hostile text is stored as it is")
    func hostileText() async throws {
        try await withStorage { storage in
            var row = auditRow("x'); DROP TABLE users; --")
            row.errorMessage = "\u{1b}[31m\u{202e}<script>"
            try await storage.audit.append([row])
            row.id = 1
            #expect(try await storage.audit.rows(AuditSelection(), limit: 1) == [row])
        }
    }
}

@Suite("Strikes")
struct StrikeRepositoryTests {
    @Test("a strike is one row for an address and identifier, replaced by the next")
    func put() async throws {
        try await withStorage { storage in
            var strike = StrikeRecord(
                ip: "192.0.2.1", identifier: -126, count: 1, reason: .tokenBruteForce,
                lastAt: time(1, milliseconds: 7))
            let other = StrikeRecord(
                ip: "192.0.2.1", identifier: 3, count: 99_999, reason: .manual, lastAt: time(2))
            try await storage.strikes.put(strike)
            try await storage.strikes.put(other)
            strike.count = 2
            strike.reason = .oauth2BruteForce
            strike.lastAt = time(9)
            try await storage.strikes.put(strike)
            #expect(try await storage.strikes.strikes() == [strike, other])
        }
    }

    @Test("strikes are deleted by row or by address")
    func delete() async throws {
        try await withStorage { storage in
            for ip in ["192.0.2.1", "192.0.2.2", "::1"] {
                for identifier: Int64 in [-125, 1] {
                    try await storage.strikes.put(
                        StrikeRecord(
                            ip: ip, identifier: identifier, count: 1, reason: .loginFailed, lastAt: time(1)))
                }
            }
            try await storage.strikes.delete(ip: "192.0.2.1", identifier: 1)
            try await storage.strikes.delete(ip: "192.0.2.1", identifier: 1)
            #expect(try await storage.strikes.strikes().count == 5)
            try await storage.strikes.delete(ips: [])
            try await storage.strikes.delete(ips: ["::1", "192.0.2.2", "unknown"])
            #expect(try await storage.strikes.strikes().map(\.ip) == ["192.0.2.1"])
        }
    }
}
