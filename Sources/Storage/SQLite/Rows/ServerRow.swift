import Foundation
import GRDB

/// Table `servers`. The two DDNS columns hold JSON.
struct ServerRow: FetchableRecord, PersistableRecord {
    static let databaseTableName = "servers"

    enum Columns {
        static let id = Column("id")
        static let userID = Column("user_id")
        static let uuid = Column("uuid")
        static let name = Column("name")
        static let note = Column("note")
        static let publicNote = Column("public_note")
        static let displayIndex = Column("display_index")
        static let hideForGuest = Column("hide_for_guest")
        static let enableDDNS = Column("enable_ddns")
        static let ddnsProfiles = Column("ddns_profiles")
        static let overrideDDNSDomains = Column("override_ddns_domains")
        static let createdAt = Column("created_at")
        static let updatedAt = Column("updated_at")
    }

    var record: ServerRecord

    init(_ record: ServerRecord) {
        self.record = record
    }

    init(row: Row) throws {
        // JSON objects have text keys.
        let domains: [String: [String]] = try row.json(Columns.overrideDDNSDomains)
        let pairs = domains.compactMap { key, value in Int64(key).map { ($0, value) } }
        record = ServerRecord(
            id: try row.value(Columns.id),
            userID: try row.value(Columns.userID),
            uuid: try row.value(Columns.uuid),
            name: try row.value(Columns.name),
            note: try row.value(Columns.note),
            publicNote: try row.value(Columns.publicNote),
            displayIndex: try row.value(Columns.displayIndex),
            hideForGuest: try row.value(Columns.hideForGuest),
            enableDDNS: try row.value(Columns.enableDDNS),
            ddnsProfiles: try row.json(Columns.ddnsProfiles),
            overrideDDNSDomains: Dictionary(pairs, uniquingKeysWith: { first, _ in first }),
            createdAt: try row.date(Columns.createdAt),
            updatedAt: try row.date(Columns.updatedAt))
    }

    func encode(to container: inout PersistenceContainer) {
        let domains = record.overrideDDNSDomains.map { (String($0.key), $0.value) }
        container[Columns.id] = record.id == 0 ? nil : record.id
        container[Columns.userID] = record.userID
        container[Columns.uuid] = record.uuid.storable
        container[Columns.name] = record.name.storable
        container[Columns.note] = record.note.storable
        container[Columns.publicNote] = record.publicNote.storable
        container[Columns.displayIndex] = record.displayIndex
        container[Columns.hideForGuest] = record.hideForGuest
        container[Columns.enableDDNS] = record.enableDDNS
        container[Columns.ddnsProfiles] = ColumnList.json(record.ddnsProfiles)
        container[Columns.overrideDDNSDomains] = ColumnList.json(
            Dictionary(domains, uniquingKeysWith: { first, _ in first }))
        container[Columns.createdAt] = record.createdAt.storedMilliseconds
        container[Columns.updatedAt] = record.updatedAt.storedMilliseconds
    }
}
