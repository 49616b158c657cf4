import JSON
import Storage

import struct FoundationEssentials.Date

/// What the four tools of a resource share.
struct ResourceDesk<Kind: Resource>: Sendable {
    typealias Content = Kind.Content
    typealias Row = Owned<Content>

    let resource: Kind
    let shape: ResourceShape
    let rows: any ResourceRepository<Content>
    let identity: IdentityCache
    let now: @Sendable () -> Date

    /// Rows of one kind that a member may have: more than anybody works with, and no disk is filled by it.
    static var rowLimit: Int { 2000 }
    /// Bytes of one row's members in JSON. A list of ten thousand servers fits in.
    static var sizeLimit: Int { 256 << 10 }

    init(_ resource: Kind, _ services: ToolServices) {
        self.resource = resource
        shape = ResourceShape(resource.definition.shape, of: resource.definition.name)
        rows = services.storage.rows(of: Content.self)
        identity = services.identity
        now = services.now
    }

    // MARK: Rights

    func mayManage(_ row: Row, _ principal: Principal) -> Bool {
        principal.owns(resourceOf: row.owner)
            && identity.covers(resource.reach(of: row.form), of: row.owner, principal.token)
    }

    func requireManaged(_ row: Row, _ principal: Principal) throws(ToolFailure) {
        guard principal.owns(resourceOf: row.owner) else { throw resource.definition.foreign }
        try requireCovered(row.form, of: row.owner, principal)
    }

    func requireCovered(_ form: Content, of owner: Int64, _ principal: Principal) throws(ToolFailure) {
        guard identity.covers(resource.reach(of: form), of: owner, principal.token) else { throw .permissionDenied }
    }

    // MARK: Forms and JSON

    /// The form that the arguments make; what they do not say is as in an empty form.
    func form(_ arguments: JSONObject) throws -> Content {
        var members = try json(Content())
        for (name, _) in shape.arguments {
            if let value = arguments[name] { members[name] = value }
        }
        guard JSONValue.object(members).serialized().count <= Self.sizeLimit else {
            throw ToolFailure.rejected(
                "this \(resource.definition.title) is too large (max \(Self.sizeLimit) bytes)")
        }
        return try form(of: members)
    }

    /// - Throws: ``ToolFailure`` when the owner has as many as a member may have; administrators have no limit.
    func insert(_ form: Content, of owner: Int64) async throws -> Int64 {
        if identity.isAdministrator(owner) { return try await rows.insert(form, owner: owner, at: now()).id }
        guard let row = try await rows.insert(form, owner: owner, at: now(), limit: Self.rowLimit) else {
            throw ToolFailure.rejected(
                "too many \(resource.definition.plural) (max \(Self.rowLimit) per user); delete one first")
        }
        return row.id
    }

    /// The form with what is kept of the stored one.
    func form(_ form: Content, keepingOf stored: Content) throws -> Content {
        var members = try json(form)
        let before = try json(stored)
        for name in shape.kept(in: members) { members[name] = before[name] }
        return try self.form(of: members)
    }

    private func json(_ form: Content) throws -> JSONObject {
        try JSONValueEncoder().encode(form).objectValue ?? JSONObject()
    }

    private func form(of members: JSONObject) throws -> Content {
        do {
            return try JSONValueDecoder().decode(Content.self, from: .object(members))
        } catch let error as DecodingError {
            throw ToolFailure.invalidArguments("invalid arguments: \(error.pointerAndReason)")
        }
    }

    /// A row as lists show it.
    func item(_ row: Row) throws -> JSONValue {
        var item: JSONObject = [
            "id": .integer(row.id), "created_at": .string(Timestamp(row.createdAt).text),
            "updated_at": .string(Timestamp(row.updatedAt).text),
        ]
        var members = try json(row.form)
        for (name, value) in resource.computed(row) { members[name] = value }
        for (name, value) in shape.listed(members) { item[name] = value }
        guard let wrapper = resource.definition.wrapper, let list = Content.members?.key else { return .object(item) }
        let listed = item[list] ?? .array([])
        item[list] = nil
        return .object([wrapper: .object(item), list: listed])
    }
}
