package import JSON
package import Storage

/// One kind of stored resource: what sets it apart from the others. List, create, update and delete are written once
/// (``ResourceTools``); a conformance holds only its own rules.
///
/// ```swift
/// struct NoteResource: Resource {
///     let definition = ResourceDefinition(
///         name: "note", title: "note", plural: "notes", shape: SchemaSource(PackageResources.note_json),
///         scope: "note", missing: { .rejected("note id \($0) does not exist") })
///
///     func check(_ form: inout NoteForm, by principal: Principal) async throws {
///         if form.text.isEmpty { throw ToolFailure.rejected("a note needs a text") }
///     }
/// }
/// ```
package protocol Resource<Content>: Sendable {
    associatedtype Content: Form

    var definition: ResourceDefinition { get }

    /// What every form must satisfy and what this caller's may refer to, before anything is looked up. May also bring
    /// the form into the form in which it is stored.
    /// - Throws: ``ToolFailure``.
    func check(_ form: inout Content, by principal: Principal) async throws

    /// The last step before the form is stored, when the caller's right to do so is settled.
    /// - Parameters:
    ///   - form: with everything that is kept of the stored one.
    ///   - owner: whose the row is or will be.
    ///   - arguments: as the caller sent them, for members that are not stored.
    func prepare(_ form: inout Content, of owner: Int64, _ arguments: JSONObject) async throws

    /// Which servers the form is about; a token with a server list may do no more with it (`rest-details.md` 6).
    func reach(of form: Content) -> [ServerReach]

    /// What a list shows of a row to this caller; `nil` for nothing.
    /// - Parameter isManaged: whether the caller may change it.
    func shown(_ row: Owned<Content>, to principal: Principal, isManaged: Bool) -> Owned<Content>?

    /// Members of a listed row that are not stored.
    func computed(_ row: Owned<Content>) -> JSONObject

    /// Puts rows, which come by id, into the order of the list.
    func ordered(_ rows: [Owned<Content>]) -> [Owned<Content>]
}

extension Resource {
    package func check(_ form: inout Content, by principal: Principal) async throws {}
    package func prepare(_ form: inout Content, of owner: Int64, _ arguments: JSONObject) async throws {}
    package func reach(of form: Content) -> [ServerReach] { [] }

    package func shown(_ row: Owned<Content>, to principal: Principal, isManaged: Bool) -> Owned<Content>? {
        isManaged ? row : nil
    }

    package func computed(_ row: Owned<Content>) -> JSONObject { JSONObject() }
    package func ordered(_ rows: [Owned<Content>]) -> [Owned<Content>] { rows }
}

/// What is known of a resource without looking at a row.
package struct ResourceDefinition: Sendable {
    /// What its tools are called after, such as `notification`: `notification.list`, `.create`, `.update`, `.delete`.
    package var name: String
    /// Such as `notification channel`; for documents.
    package var title: String
    package var plural: String
    /// `schemas/shapes/<resource>.json`: its members, from which the schemas of the tools are made
    /// (``ResourceShape``).
    package var shape: SchemaSource
    /// Who may list.
    package var reading: ToolAccess
    /// What a token needs to create and update.
    package var writing: Scope
    package var deleting: Scope
    /// Whether MCP has the tools too, behind toolsets of their own: lists behind ``Toolset/monitoring``, changes behind
    /// ``Toolset/monitoringWrite``.
    package var isOnMCP: Bool
    /// Whether `ids` picks from the list.
    package var selectsByID: Bool
    /// The member that holds `id`, times and everything but the list of members; `nil` where all stand side by side.
    package var wrapper: String?
    /// What a caller learns who would change somebody else's.
    package var foreign: ToolFailure
    /// What a caller learns who would change what is not there.
    package var missing: @Sendable (Int64) -> ToolFailure

    /// - Parameter scope: the resource in the scopes of tokens: `nezha:<scope>:read`, `:write`, `:delete`.
    package init(
        name: String, title: String, plural: String, shape: SchemaSource, scope: String,
        missing: @escaping @Sendable (Int64) -> ToolFailure
    ) {
        self.name = name
        self.title = title
        self.plural = plural
        self.shape = shape
        reading = .user([Scope("nezha:\(scope):read")])
        writing = Scope("nezha:\(scope):write")
        deleting = Scope("nezha:\(scope):delete")
        isOnMCP = true
        selectsByID = true
        foreign = .permissionDenied
        self.missing = missing
    }

    /// Where the list can be called from.
    var listExposure: ToolExposure { isOnMCP ? .mcp(toolset: .monitoring) : .internal }
    /// Where create, update and delete can be called from.
    var changeExposure: ToolExposure { isOnMCP ? .mcp(toolset: .monitoringWrite) : .internal }

    /// The same with something changed.
    package func with(_ change: (inout ResourceDefinition) -> Void) -> ResourceDefinition {
        var copy = self
        change(&copy)
        return copy
    }
}
