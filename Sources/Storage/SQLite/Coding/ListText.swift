/// A list of scopes as one text, separated by commas (`mcp.md` 8.1).
enum ScopeText: ColumnForm {
    static func read(_ cell: Cell) throws -> [String] { scopes(try cell.text()) }

    static func bind(_ scopes: [String], to statement: Statement, at index: Int32) throws {
        try statement.bind(try text(scopes), at: index)
    }

    static func scopes(_ text: String) -> [String] {
        ListText.entries(text).filter { !$0.isEmpty }
    }

    /// - Throws: when an element would come back as another list: a comma in a scope would make two of it.
    static func text(_ scopes: [String]) throws -> String {
        for scope in scopes where scope.isEmpty || !ListText.entries(scope).elementsEqual([scope], by: ListText.areSame)
        {
            throw StorageError.failed("a scope that cannot be stored")
        }
        return scopes.joined(separator: ",")
    }
}

/// A list of server ids as one text, separated by commas (`mcp.md` 8.1).
enum ServerIDText: ColumnForm {
    static func read(_ cell: Cell) throws -> [Int64] { serverIDs(try cell.text()) }

    static func bind(_ ids: [Int64], to statement: Statement, at index: Int32) throws {
        try statement.bind(ids.map { String($0) }.joined(separator: ","), at: index)
    }

    /// Entries that are no positive number are skipped. But an empty list means "no restriction", so a text of which
    /// nothing is left must not become one: it gives `[0]`, a server that never exists.
    static func serverIDs(_ text: String) -> [Int64] {
        if text.isEmpty { return [] }
        let ids = ListText.entries(text).compactMap { Int64($0) }.filter { $0 > 0 }
        return ids.isEmpty ? [0] : ids
    }
}

private enum ListText {
    /// What stands between the commas, without white space around it.
    static func entries(_ text: String) -> [String] {
        text.unicodeScalars.split(separator: ",").map { entry in
            let start = entry.drop(while: isWhitespace)
            guard let last = start.lastIndex(where: { !isWhitespace($0) }) else { return "" }
            return String(start[...last])
        }
    }

    static func areSame(_ first: String, _ second: String) -> Bool {
        first.utf8.elementsEqual(second.utf8)
    }

    private static func isWhitespace(_ scalar: Unicode.Scalar) -> Bool {
        // The zero width space counted as one when the first of these lists were written.
        scalar.properties.isWhitespace || scalar == "\u{200B}"
    }
}
