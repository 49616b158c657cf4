import FoundationEssentials

extension ServerRecord: StoredRow {
    static let table = Table(
        "servers", blank: ServerRecord(userID: 0, uuid: "", name: "", createdAt: .distantPast, updatedAt: .distantPast))

    mutating func code(_ columns: inout some ColumnCoder) throws {
        try columns.key("id", &id)
        try columns.column("user_id", &userID)
        try columns.column("uuid", &uuid)
        try columns.column("name", &name)
        try columns.column("note", &note)
        try columns.column("public_note", &publicNote)
        try columns.column("display_index", &displayIndex)
        try columns.column("hide_for_guest", &hideForGuest)
        try columns.column("enable_ddns", &enableDDNS)
        try columns.column("ddns_profiles", &ddnsProfiles, as: JSONText.self)
        try columns.column("override_ddns_domains", &overrideDDNSDomains, as: DomainText.self)
        try columns.column("created_at", &createdAt)
        try columns.column("updated_at", &updatedAt)
    }
}

/// Profile id → domains, as a JSON object, whose keys are text.
private enum DomainText: ColumnForm {
    static func read(_ cell: Cell) throws -> [Int64: [String]] {
        let domains = try JSONText<[String: [String]]>.read(cell)
        let pairs = domains.compactMap { key, value in Int64(key).map { ($0, value) } }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }

    static func bind(_ value: [Int64: [String]], to statement: Statement, at index: Int32) throws {
        let pairs = value.map { (String($0.key), $0.value) }
        let domains = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        try JSONText.bind(domains, to: statement, at: index)
    }
}
