import HTTP

extension Route {
    /// The four routes of a stored resource: list, create, change, delete many.
    ///
    /// - Parameters:
    ///   - path: such as `/notification`.
    ///   - name: what the tools are called after, such as `notification`.
    ///   - list: the path of the list where that is another one.
    ///   - selectsByID: whether `?id=1,2` picks from the list.
    ///   - updateAnswersID: whether a change answers the id.
    package static func resource(
        _ path: String, _ name: String, list: String? = nil, selectsByID: Bool = true, updateAnswersID: Bool = false
    ) -> [Route] {
        [
            Route(
                .get, list ?? path, "\(name).list",
                query: selectsByID ? [QueryParameter("id", .idList, as: "ids")] : []),
            Route(.post, path, "\(name).create", body: .object, result: .member("id")),
            Route(
                .patch, "\(path)/{id}", "\(name).update", body: .object,
                result: updateAnswersID ? .member("id") : .none),
            Route(.post, "/batch-delete\(path)", "\(name).delete", body: .array("ids"), result: .none),
        ]
    }
}
