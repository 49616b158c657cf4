package import struct FoundationEssentials.Date

/// What users may say of a stored resource: the body of its POST and PATCH (`rest.md` 4, Forms).
///
/// A form is written once: its coding keys are the members of the JSON and the columns of the table. Numbers, flags and
/// times have columns of their own kind, optionals may be NULL, everything else (lists, maps, nested values) is JSON
/// text.
///
/// ```swift
/// package struct NoteForm: Form {
///     package static let table = "notes"
///     package var text = ""
///     package var servers: [Int64] = []
///     package init() {}
/// }
/// ```
package protocol Form: Codable, Sendable, Equatable {
    /// The table of these forms.
    static var table: String { get }
    /// The member that is a list of other rows, which leaves them out when they are deleted; `nil` for forms without.
    static var members: MemberList? { get }
    /// Members that no two rows have in common, unless they are empty.
    static var unique: [String] { get }

    /// The values of members that are not given.
    init()
}

extension Form {
    package static var members: MemberList? { nil }
    package static var unique: [String] { [] }
}

/// A list of ids in a table of its own.
package struct MemberList: Sendable, Hashable {
    /// The member of the form.
    package var key: String
    package var table: String
    /// The column that names the row the list belongs to.
    package var ownerColumn: String
    /// The column that names the member.
    package var memberColumn: String
    /// The table of the members.
    package var memberTable: String

    package init(
        _ key: String, table: String, ownerColumn: String = "group_id", memberColumn: String, of memberTable: String
    ) {
        self.key = key
        self.table = table
        self.ownerColumn = ownerColumn
        self.memberColumn = memberColumn
        self.memberTable = memberTable
    }
}

/// A stored form: whose it is, and since when.
package struct Owned<Content: Form>: Sendable, Equatable, Identifiable {
    package var id: Int64
    /// The user whose it is; 0 is nobody.
    package var owner: Int64
    package var createdAt: Date
    package var updatedAt: Date
    package var form: Content

    package init(id: Int64, owner: Int64, createdAt: Date, updatedAt: Date, form: Content) {
        self.id = id
        self.owner = owner
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.form = form
    }
}
