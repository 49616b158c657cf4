import JSON
import Storage

@testable import MCPServer

/// A resource that only the tests have: nothing under `Sources` knows of it.
struct NoteForm: Form {
    static let table = "notes"

    var name = ""
    var text = ""
    var secret = ""
    var servers: [Int64] = []
    var views: Int64 = 0

    init() {}
}

struct NoteResource: Resource {
    let definition = ResourceDefinition(
        name: "note", title: "note", plural: "notes", shape: SchemaSource(Array(Self.shape.utf8)), scope: "cron",
        missing: { .rejected("note id \($0) does not exist") })

    func check(_ form: inout NoteForm, by principal: Principal) async throws {
        if form.text.isEmpty { throw ToolFailure.rejected("a note needs a text") }
    }

    func prepare(_ form: inout NoteForm, of owner: Int64, _ arguments: JSONObject) async throws {
        if arguments["shout"]?.boolValue == true { form.text = form.text.uppercased() }
    }

    func reach(of form: NoteForm) -> [ServerReach] { [.only(form.servers)] }

    private static let shape = """
        {
          "type": "object",
          "description": "A note.",
          "properties": {
            "name": {"type": "string", "description": "Name."},
            "text": {"type": "string", "description": "Text."},
            "secret": {"type": "string", "description": "Never shown.", "writeOnly": true},
            "servers": {"type": "array", "description": "Servers.", "items": {"type": "integer"}, "x-audit": "keep"},
            "views": {"type": "integer", "description": "Counted by others.", "readOnly": true},
            "shout": {"type": "boolean", "description": "In capitals.", "x-stored": false}
          },
          "required": ["name", "text"]
        }
        """
}
