SELECT category, AVG(best)
FROM (
  SELECT MAX(B.price) AS best, A.category
  FROM auction A, bid B
  WHERE A.id = B.auction AND B.`at` BETWEEN A.`at` AND A.expires
  GROUP BY A.id, A.category
)
GROUP BY category;
