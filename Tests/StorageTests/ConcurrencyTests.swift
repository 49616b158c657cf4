import Storage
import Testing

@Suite("Many at once")
struct ConcurrencyTests {
    @Test("a hundred parallel inserts, with reads between them, all arrive")
    func inserts() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("owner"))
            let ids = try await withThrowingTaskGroup(of: Int64.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let id = try await storage.tokens.insert(token("h\(index)", owner: owner))
                        // What was written is seen by the next read.
                        guard try await storage.tokens.token(id: id)?.tokenHash == "h\(index)" else { return 0 }
                        return id
                    }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(ids.count == 100)
            #expect(!ids.contains(0))
            #expect(try await storage.tokens.tokens(of: owner).count == 100)
        }
    }

    @Test("of many who take the same name, one wins")
    func uniqueness() async throws {
        try await withStorage { storage in
            let winners = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        (try? await storage.users.insert(user("same", secret: "\(index)"))) != nil
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(winners == 1)
        }
    }

    @Test("two handles that write at the same time wait for each other")
    func twoWriters() async throws {
        let scratch = try Scratch()
        let gateway = try scratch.open(.serve)
        let tool = try scratch.open(.tool)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<50 {
                group.addTask { _ = try await gateway.storage.users.insert(user("gateway \(index)")) }
                group.addTask { _ = try await tool.storage.users.insert(user("tool \(index)")) }
            }
            try await group.waitForAll()
        }
        #expect(try await gateway.storage.users.count() == 100)
        tool.close()
        gateway.close()
    }

    @Test("tools that open a new file together all succeed")
    func openTogether() async throws {
        let scratch = try Scratch()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<8 {
                group.addTask {
                    let handle = try scratch.open(.tool)
                    defer { handle.close() }
                    _ = try await handle.storage.users.insert(user("\(index)"))
                }
            }
            try await group.waitForAll()
        }
        let handle = try scratch.open()
        #expect(try await handle.storage.users.count() == 8)
        handle.close()
    }

    /// Class "escape by hanging up": strikes, audit rows and revocations of a cancelled request still count.
    @Test("a write that was asked for is carried out although the task is cancelled")
    func cancelled() async throws {
        try await withStorage { storage in
            let strike = StrikeRecord(ip: "::1", identifier: 1, count: 1, reason: .loginFailed, lastAt: time(1))
            let task = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                try await storage.strikes.put(strike)
            }
            try await task.value
            #expect(try await storage.strikes.strikes() == [strike])
        }
    }
}
