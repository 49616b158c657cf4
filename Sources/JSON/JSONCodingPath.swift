/// Where a coder stands in its tree. Kept as a chain, since the array that `Codable` asks for is needed only by errors.
indirect enum JSONCodingPath {
    case root
    case key(any CodingKey, parent: JSONCodingPath)
    case position(Int, parent: JSONCodingPath)

    var keys: [any CodingKey] {
        var keys: [any CodingKey] = []
        var path = self
        while true {
            switch path {
            case .root:
                return keys.reversed()
            case .key(let key, let parent):
                keys.append(key)
                path = parent
            case .position(let position, let parent):
                keys.append(JSONMemberKey(intValue: position))
                path = parent
            }
        }
    }
}
