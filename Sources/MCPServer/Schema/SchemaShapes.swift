package import JSON

/// Schemas of values that several tools have: `schemas/shapes/<name>.json`, which a schema under `schemas/tools` names by
/// `"$ref": "../shapes/<name>.json"`.
///
/// The shape is put in the reference's place when the program starts, because many clients of MCP do not follow
/// references. Members beside the reference, such as another description, win over those of the shape.
package enum SchemaShapes {
    private static let all: [String: [UInt8]] = [
        "choice": PackageResources.choice_json,
        "geoip": PackageResources.geoip_json,
        "host": PackageResources.host_json,
        "nothing": PackageResources.nothing_json,
        "notification_group_id": PackageResources.notification_group_id_json,
        "pagination": PackageResources.pagination_json,
        "secret": PackageResources.secret_json,
        "server_ids": PackageResources.server_ids_json,
        "server_marks": PackageResources.server_marks_json,
        "server_transfer": PackageResources.server_transfer_json,
        "state": PackageResources.state_json,
        "task_ids": PackageResources.task_ids_json,
    ]
    private static let prefix = "../shapes/"
    private static let suffix = ".json"
    /// Shapes may refer to shapes; one that refers to itself would have no end.
    private static let depthLimit = 8

    /// - Throws: ``SchemaError`` for a shape that does not exist or refers to itself; `JSONParseError`.
    package static func resolve(_ document: JSONValue) throws -> JSONValue { try resolve(document, depth: 0) }

    private static func resolve(_ value: JSONValue, depth: Int) throws -> JSONValue {
        switch value {
        case .array(let elements):
            return .array(try elements.map { try resolve($0, depth: depth) })
        case .object(let object):
            guard let reference = object["$ref"]?.stringValue, reference.hasPrefix(prefix) else {
                return .object(
                    JSONObject(uniqueMembers: try object.map { ($0.key, try resolve($0.value, depth: depth)) }))
            }
            var shape = try self.shape(reference, depth: depth)
            for (key, member) in object where key != "$ref" { shape[key] = try resolve(member, depth: depth) }
            return .object(shape)
        default:
            return value
        }
    }

    private static func shape(_ reference: String, depth: Int) throws -> JSONObject {
        let name = reference.dropFirst(prefix.count).dropLast(suffix.count)
        guard depth < depthLimit, reference.hasSuffix(suffix), let bytes = all[String(name)],
            case .object(let shape) = try resolve(JSONParser.parse(bytes), depth: depth + 1)
        else { throw SchemaError.unresolvedReference(pointer: "", reference: reference) }
        return shape
    }
}

extension JSONValue {
    /// Without members that begin with `x-`: what a schema says to this program only.
    package var withoutExtensions: JSONValue { without { name, _ in name.hasPrefix("x-") } }

    /// Without members, at any depth, that are dropped.
    func without(_ isDropped: (_ name: String, _ value: JSONValue) -> Bool) -> JSONValue {
        switch self {
        case .array(let elements): return .array(elements.map { $0.without(isDropped) })
        case .object(let object):
            let kept = object.filter { !isDropped($0.key, $0.value) }
            return .object(JSONObject(uniqueMembers: kept.map { ($0.key, $0.value.without(isDropped)) }))
        default: return self
        }
    }
}
