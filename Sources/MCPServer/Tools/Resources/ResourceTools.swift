import JSON
import Storage

/// `<resource>.list`: the rows that the caller may see.
struct ResourceListTool<Kind: Resource>: Tool {
    let desk: ResourceDesk<Kind>
    let definition: ToolDefinition

    init(_ desk: ResourceDesk<Kind>) {
        self.desk = desk
        let of = desk.resource.definition
        definition = ToolDefinition(
            name: "\(of.name).list", title: "List \(of.plural)",
            description:
                "Lists the \(of.plural) that the caller may see (\(desk.shape.summary)). Secrets are not shown.",
            annotations: ToolAnnotations(readOnly: true, openWorld: false), access: of.reading,
            exposure: of.listExposure,
            inputSchema: desk.shape.listInput(selectsByID: of.selectsByID),
            outputSchema: desk.shape.listOutput(wrapper: of.wrapper, beside: Kind.Content.members?.key))
    }

    struct Input: Decodable, Sendable {
        var ids: [Int64]?
    }

    func run(_ input: Input, in call: ToolCall) async throws -> JSONValue {
        let rows = try await desk.rows.all()
        let shown = desk.resource.ordered(rows).compactMap { row in
            desk.resource.shown(row, to: call.principal, isManaged: desk.mayManage(row, call.principal))
        }
        let asked = desk.resource.definition.selectsByID ? input.ids : nil
        return .array(try shown.selected(asked, isStrict: call.origin == .mcp).map { try desk.item($0) })
    }
}

/// `<resource>.create`: a new row of the caller's.
struct ResourceCreateTool<Kind: Resource>: Tool {
    let desk: ResourceDesk<Kind>
    let definition: ToolDefinition

    init(_ desk: ResourceDesk<Kind>) {
        self.desk = desk
        let of = desk.resource.definition
        definition = ToolDefinition(
            name: "\(of.name).create", title: "Make a new \(of.title)",
            description: """
                Makes a new \(of.title) of the caller's (\(desk.shape.summary)). Members that are not given are empty, \
                zero or false.
                """,
            annotations: ToolAnnotations(readOnly: false, destructive: false, idempotent: false, openWorld: true),
            access: .user([of.writing]), exposure: of.changeExposure, inputSchema: desk.shape.createInput,
            outputSchema: ResourceShape.idOutput)
    }

    func run(_ input: JSONValue, in call: ToolCall) async throws -> ResourceID {
        guard let user = call.principal.user else { throw ToolFailure.unauthenticated }
        let arguments = input.objectValue ?? JSONObject()
        var form = try desk.form(arguments)
        try await desk.resource.check(&form, by: call.principal)
        try desk.requireCovered(form, of: user.id, call.principal)
        try await desk.resource.prepare(&form, of: user.id, arguments)
        return ResourceID(id: try await desk.insert(form, of: user.id))
    }
}

/// `<resource>.update`: replaces what a row says; whose it is stays.
struct ResourceUpdateTool<Kind: Resource>: Tool {
    let desk: ResourceDesk<Kind>
    let definition: ToolDefinition

    init(_ desk: ResourceDesk<Kind>) {
        self.desk = desk
        let of = desk.resource.definition
        definition = ToolDefinition(
            name: "\(of.name).update", title: "Change one \(of.title)",
            description: """
                Replaces what one \(of.title) says: members that are not given become empty, zero or false, but secrets \
                stay. So give all of these members, as \(of.name).list shows them, with what is to change.
                """,
            annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: true),
            access: .user([of.writing]), exposure: of.changeExposure, inputSchema: desk.shape.updateInput,
            outputSchema: ResourceShape.idOutput)
    }

    func run(_ input: JSONValue, in call: ToolCall) async throws -> ResourceID {
        let (desk, principal, now) = (desk, call.principal, desk.now())
        let definition = desk.resource.definition
        let arguments = input.objectValue ?? JSONObject()
        let id = arguments["id"]?.int64Value ?? 0
        var asked = try desk.form(arguments)
        try await desk.resource.check(&asked, by: principal)
        guard let stored = try await desk.rows.find(id: id) else { throw definition.missing(id) }
        try desk.requireManaged(stored, principal)
        var form = try desk.form(asked, keepingOf: stored.form)
        try desk.requireCovered(form, of: stored.owner, principal)
        try await desk.resource.prepare(&form, of: stored.owner, arguments)
        let ready = form
        do {
            // Whoever changed it meanwhile may have given it to somebody else, or written what callers cannot.
            try await desk.rows.update(id: id) { row in
                try desk.requireManaged(row, principal)
                row.form = try desk.form(ready, keepingOf: row.form)
                row.updatedAt = now
            }
        } catch StorageError.notFound {
            throw definition.missing(id)
        }
        return ResourceID(id: id)
    }
}

/// `<resource>.delete`: all of the rows, or none where one may not be deleted. Unknown ids are ignored.
struct ResourceDeleteTool<Kind: Resource>: Tool {
    let desk: ResourceDesk<Kind>
    let definition: ToolDefinition

    init(_ desk: ResourceDesk<Kind>) {
        self.desk = desk
        let of = desk.resource.definition
        definition = ToolDefinition(
            name: "\(of.name).delete", title: "Delete \(of.plural)",
            description: "Deletes \(of.plural), all or none; unknown ids are ignored. It cannot be undone.",
            annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: false),
            access: .user([of.deleting]), exposure: of.changeExposure,
            inputSchema: ResourceShape.deleteInput, outputSchema: ResourceShape.noOutput)
    }

    struct Input: Decodable, Sendable {
        var ids: [Int64]
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        let (desk, principal) = (desk, call.principal)
        try await desk.rows.delete(ids: input.ids) { row in
            guard desk.mayManage(row, principal) else { throw ToolFailure.permissionDenied }
        }
        return NoOutput()
    }
}

/// The answer of create and update.
struct ResourceID: Encodable, Sendable {
    var id: Int64
}
