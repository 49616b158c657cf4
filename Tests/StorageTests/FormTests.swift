import Foundation
import Synchronization
import Testing

@testable import Storage

/// Members of every kind.
private struct SampleForm: Form {
    static let table = "samples"
    static let unique = ["name"]

    var name = ""
    var count: Int64 = 0
    var share = 0.0
    var isOn = false
    var limit: Double?
    var note: String?
    var at: Date?
    var last = Date(timeIntervalSince1970: 0)
    var ids: [Int64] = []
    var marks = IDMap<Bool>()

    init() {}
}

@Suite("Rows with a form")
struct FormTests {
    private static let forms = Forms.all + [SampleForm.self]

    private func withSamples(
        _ body: (any ResourceRepository<SampleForm>) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        let handle = try scratch.open(.serve, forms: Self.forms)
        defer { handle.close() }
        try await body(handle.storage.rows(of: SampleForm.self))
    }

    @Test("an owner has so many rows and no more; what others have does not count")
    func limit() async throws {
        try await withSamples { rows in
            var isIn: [Bool] = []
            for (owner, limit) in [(3, 0), (3, 2), (4, 1), (3, 2), (3, 2)] as [(Int64, Int)] {
                isIn.append(try await rows.insert(SampleForm(), owner: owner, at: time(1), limit: limit) != nil)
            }
            #expect(isIn == [false, true, true, true, false])
            #expect(try await rows.all().map(\.owner) == [3, 4, 3])
        }
    }

    @Test("every member comes back as it was, absent optionals too")
    func roundTrip() async throws {
        try await withSamples { rows in
            let empty = try await rows.insert(SampleForm(), owner: 3, at: time(1))
            #expect(empty.form == SampleForm())
            #expect(empty.owner == 3)
            #expect(empty.createdAt == time(1))
            var form = SampleForm()
            form.name = "it's \"so\""
            form.count = .min
            form.share = 0.1
            form.isOn = true
            form.limit = -2.5
            form.note = ""
            form.at = time(9)
            form.last = time(8)
            form.ids = [3, 1, 3]
            form.marks = IDMap([7: true, 10: false])
            let full = try await rows.insert(form, owner: 0, at: time(2))
            #expect(full.form == form)
            #expect(try await rows.find(id: full.id) == full)
            #expect(try await rows.all() == [empty, full])
            #expect(form.marks.marked == [7])
        }
    }

    @Test("an update keeps id, owner and creation; what its closure throws comes out and changes nothing")
    func update() async throws {
        struct No: Error {}
        try await withSamples { rows in
            let row = try await rows.insert(SampleForm(), owner: 3, at: time(1))
            let changed = try await rows.update(id: row.id) { row in
                row.form.count = 5
                row.owner = 9
                row.createdAt = time(40)
                row.updatedAt = time(50)
            }
            #expect(changed.owner == 3)
            #expect(changed.createdAt == time(1))
            #expect(changed.updatedAt == time(50))
            #expect(changed.form.count == 5)
            await #expect(throws: No.self) {
                try await rows.update(id: row.id) { row in
                    row.form.count = 6
                    throw No()
                }
            }
            #expect(try await rows.find(id: row.id) == changed)
            await #expect(throws: StorageError.notFound) { try await rows.update(id: 99) { _ in } }
        }
    }

    @Test("one row that may not go keeps all of them; unknown ids are ignored")
    func delete() async throws {
        struct No: Error {}
        try await withSamples { rows in
            let first = try await rows.insert(SampleForm(), owner: 3, at: time(1))
            let second = try await rows.insert(SampleForm(), owner: 4, at: time(1))
            await #expect(throws: No.self) {
                try await rows.delete(ids: [first.id, second.id]) { if $0.owner == 4 { throw No() } }
            }
            #expect(try await rows.all().count == 2)
            #expect(try await rows.delete(ids: [first.id, 77, first.id]) { _ in } == [first.id])
            #expect(try await rows.all() == [second])
        }
    }

    @Test("a unique member is told by its name; empty ones do not count")
    func unique() async throws {
        try await withSamples { rows in
            var form = SampleForm()
            _ = try await rows.insert(form, owner: 0, at: time(1))
            _ = try await rows.insert(form, owner: 0, at: time(1))
            form.name = "x"
            _ = try await rows.insert(form, owner: 0, at: time(1))
            await #expect(throws: StorageError.duplicate(field: "name")) {
                try await rows.insert(form, owner: 0, at: time(1))
            }
        }
    }

    @Test("observers have seen a change before whoever asked for it goes on, in the order of the changes")
    func observers() async throws {
        try await withSamples { rows in
            let seen = Mutex<[String]>([])
            rows.observe { change in
                let text =
                    switch change {
                    case .saved(let row): "\(row.id) \(row.form.count)"
                    case .deleted(let ids): "-\(ids)"
                    }
                seen.withLock { $0.append(text) }
            }
            let row = try await rows.insert(SampleForm(), owner: 0, at: time(1))
            #expect(seen.withLock { $0 } == ["1 0"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { try await rows.update(id: row.id) { $0.form.count += 1 } } }
                try await group.waitForAll()
            }
            try await rows.delete(ids: [row.id, 5]) { _ in }
            try await rows.delete(ids: [5]) { _ in }
            #expect(seen.withLock { $0 } == (0...20).map { "1 \($0)" } + ["-[1]"])
        }
    }

    @Test("many rows are written at once, all or none; observers hear of each", arguments: [false, true])
    func many(isObserved: Bool) async throws {
        try await withSamples { rows in
            func form(_ name: String, _ count: Int64) -> SampleForm {
                var form = SampleForm()
                (form.name, form.count) = (name, count)
                return form
            }
            let seen = Mutex<[Int64]>([])
            if isObserved {
                rows.observe { change in
                    if case .saved(let row) = change { seen.withLock { $0.append(row.form.count) } }
                }
            }
            let first = try await rows.save(
                [(nil, form("a", 1), time(1)), (nil, form("b", 2), time(1))], owner: 3)
            #expect(first == [1, 2])
            let second = try await rows.save([(nil, form("c", 3), time(2)), (1, form("a", 4), time(2))], owner: 9)
            #expect(second == [3, 1])
            let all = try await rows.all()
            #expect(all.map(\.form.count) == [4, 2, 3])
            #expect(all.map(\.owner) == [3, 3, 9])
            #expect(all.map(\.updatedAt) == [time(2), time(1), time(2)])
            #expect(all.map(\.createdAt) == [time(1), time(1), time(2)])
            // One that is not there, and one whose name is taken.
            for wrong in [(8, form("d", 5), time(3)), (2, form("a", 5), time(3))] as [(Int64?, SampleForm, Date)] {
                await #expect(throws: StorageError.self) {
                    try await rows.save([(1, form("a", 6), time(3)), wrong], owner: 3)
                }
            }
            #expect(try await rows.all().map(\.form.count) == [4, 2, 3])
            #expect(seen.withLock { $0 } == (isObserved ? [1, 2, 3, 4] : []))
        }
    }

    @Test("a list of members keeps its order, each once; members that go leave it; unknown ones are refused")
    func lists() async throws {
        try await withStorage { storage in
            let groups = storage.rows(of: ServerGroupForm.self)
            var ids: [Int64] = []
            for uuid in ["a", "b", "c"] { ids.append(try await storage.servers.insert(server(uuid))) }
            let form = ServerGroupForm(name: "g", servers: [ids[2], ids[0], ids[2]])
            let stored = try await groups.insert(form, owner: 7, at: time(1))
            #expect(stored.form.servers == [ids[2], ids[0]])
            let (first, second) = (ids[0], ids[1])
            let turned = try await groups.update(id: stored.id) { $0.form.servers = [first, second] }
            #expect(turned.form.servers == [first, second])
            let empty = try await groups.insert(ServerGroupForm(name: "", servers: []), owner: 7, at: time(1))
            #expect(try await groups.all().map(\.form.servers) == [[first, second], []])

            await #expect(throws: StorageError.notFound) {
                try await groups.insert(ServerGroupForm(name: "x", servers: [first, 55]), owner: 7, at: time(1))
            }
            await #expect(throws: StorageError.notFound) {
                try await groups.update(id: empty.id) { $0.form.servers = [55] }
            }
            #expect(try await groups.all().map(\.id) == [stored.id, empty.id])

            try await storage.servers.delete(ids: [first])
            #expect(try await groups.find(id: stored.id)?.form.servers == [second])
            try await groups.delete(ids: [stored.id]) { _ in }
            #expect(try await storage.servers.servers().count == 2)
        }
    }

    @Test("a database of the time before forms keeps its groups, and its members their order by id")
    func older() async throws {
        let scratch = try Scratch()
        try scratch.open(.serve, forms: []).close()
        try execute(
            scratch.database,
            """
            INSERT INTO servers VALUES (1, 7, 'a', 'a', '', '', 0, 0, 0, '[]', '{}', 1, 1),
                (2, 7, 'b', 'b', '', '', 0, 0, 0, '[]', '{}', 1, 1);
            INSERT INTO server_groups VALUES (4, 7, 'old', 1000, 2000);
            INSERT INTO server_group_servers VALUES (4, 2), (4, 1);
            """)
        let handle = try scratch.open(.serve)
        defer { handle.close() }
        let group = try await handle.storage.rows(of: ServerGroupForm.self).find(id: 4)
        #expect(group?.form == ServerGroupForm(name: "old", servers: [1, 2]))
        #expect(group?.owner == 7)
        #expect(group?.updatedAt == Date(timeIntervalSince1970: 2))
    }

    @Test("every form of the gateway makes a table that holds its default")
    func everyForm() async throws {
        try await withStorage { storage in
            for form in Forms.all { try await Self.store(form, storage) }
        }
    }

    private static func store<Content: Form>(_ form: Content.Type, _ storage: Storage) async throws {
        let stored = try await storage.rows(of: form).insert(Content(), owner: 1, at: time(1))
        #expect(stored.form == Content(), "\(form.table)")
    }
}
